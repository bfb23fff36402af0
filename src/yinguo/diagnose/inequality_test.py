"""What tests of instrument validity hand back, and how they read instruments and outcomes of few values."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from yinguo.core.diagnostic import Diagnostic
from yinguo.errors import DataError

__all__ = ["InequalityTest", "instrument_cells", "outcome_classes"]

#: Distinct instrument values beyond which an instrument counts as continuous.
MOST_VALUES = 20
#: p-value below which the instrument counts as refuted.
LEVEL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class InequalityTest:
    """A test that can refute an instrument and never prove one.

    Attributes
    ----------
    name : str
        Kebab-case name of the test.
    value : float
        Left side of the inequality in the sample, at the place where it is closest to broken or broken most.
    bound : str
        What ``value`` may be, in words.
    statistic : float
        Largest violation in standard errors; negative if every inequality holds in the sample.
    p_value : float
    where : str
        The place of the largest violation, in words.
    claim : str
        What a small p-value refutes, in words.
    n : int
        Rows.
    notes : tuple of str
    """

    name: str
    value: float
    bound: str
    statistic: float
    p_value: float
    where: str
    claim: str
    n: int
    notes: tuple[str, ...] = ()

    @property
    def refuted(self) -> bool:
        """Whether the p-value is below 5 %."""
        return self.p_value < LEVEL

    @property
    def sentence(self) -> str:
        """The finding for a reader who knows no statistics."""
        if self.refuted:
            return (
                f"The data refute that {self.claim} (p = {self.p_value:.2g}): {self.value:.3g} at {self.where}, "
                f"{self.bound} allowed."
            )
        return (
            f"The data do not refute that {self.claim} (p = {self.p_value:.2g}). That is no proof: an invalid "
            "instrument can pass."
        )

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict: stop if refuted."""
        verdict = "stop" if self.refuted else "ok"
        return Diagnostic(self.name, self.p_value, f"p-value of at least {LEVEL:g}", verdict, self.sentence)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"refuted": self.refuted, "sentence": self.sentence}


def instrument_cells(study) -> np.ndarray:
    """(n,) codes 0..J-1 of the combinations of instrument values, in ascending order of the values.

    Parameters
    ----------
    study : Study

    Raises
    ------
    DataError
        No instruments, one that varies too finely or not at all, roles that the tests do not honour, outcomes missing.
    """
    if not study.has("instruments"):
        raise DataError("the study has no instruments; name their columns with instruments=.")
    for role in ("sample_weight", "groups"):
        if study.has(role):
            raise DataError(f"the study has {role} ({study.roles[role]!r}); this test takes rows as independent draws.")
    if not np.isfinite(study.Y).all():
        raise DataError(f"outcome {study.roles['outcome']!r} is missing in some rows; take the rows that have it.")
    values, codes = np.unique(study.Z, axis=0, return_inverse=True)
    if len(values) > MOST_VALUES:
        raise DataError(
            f"the instruments take {len(values)} values; the test needs at most {MOST_VALUES}. Cut them into classes "
            "first: classes of a valid instrument are a valid instrument."
        )
    if len(values) < 2:
        raise DataError("the instruments take one value only; there is nothing to compare.")
    return codes.reshape(-1)


def outcome_classes(Y, bins: int) -> np.ndarray:
    """(n,) codes 0..K-1 in ascending order: the values of the outcome, or classes of about equal size if many.

    Parameters
    ----------
    Y : (n,) float array
    bins : int
        Most classes.

    Raises
    ------
    DataError
        Fewer than 2 classes.
    """
    if bins < 2:
        raise DataError(f"bins is {bins}; it must be at least 2.")
    values, codes = np.unique(Y, return_inverse=True)
    if len(values) <= bins:
        return codes
    edges = np.unique(np.quantile(Y, np.arange(1, bins) / bins))
    return np.unique(np.searchsorted(edges, Y, side="left"), return_inverse=True)[1]
