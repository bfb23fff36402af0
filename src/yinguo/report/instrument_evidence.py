"""What a page shows of instruments: their strength, the first stage and the reduced form of each, the robust set."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core import words
from yinguo.diagnose.anderson_rubin_interval import anderson_rubin
from yinguo.diagnose.first_stage import FirstStage, instrument_strength
from yinguo.errors import DataError

__all__ = ["InstrumentEvidence", "InstrumentPanel", "instrument_evidence", "slope_words"]

#: Dots of a panel; an instrument with at most so many values has one for each value.
DOTS = 15
#: Half of a 95 % interval of a mean, in standard errors.
HALF = 1.96


@dataclass(frozen=True, slots=True)
class InstrumentPanel:
    """One instrument against the treatment and against the outcome, covariates and other instruments taken out.

    Attributes
    ----------
    name : str
    values : (k,) float array
        Mean of the instrument in each dot.
    counts : (k,) int array
    treatment, outcome : (k,) float arrays
        Means in each dot, given the covariates and the other instruments.
    treatment_half, outcome_half : (k,) float arrays
        Half the width of 95 % intervals of these means.
    first_stage, reduced_form : (float, float)
        Slope of the treatment, of the outcome, in the instrument, and its robust standard error.
    discrete : bool
        Whether every dot is one value of the instrument.
    """

    name: str
    values: np.ndarray
    counts: np.ndarray
    treatment: np.ndarray
    outcome: np.ndarray
    treatment_half: np.ndarray
    outcome_half: np.ndarray
    first_stage: tuple[float, float]
    reduced_form: tuple[float, float]
    discrete: bool


@dataclass(frozen=True, slots=True)
class InstrumentEvidence:
    """All that is shown of a study's instruments.

    Attributes
    ----------
    strength : FirstStage
    panels : tuple of InstrumentPanel
    robust_set : str
        The effects that instruments of this strength cannot rule out, in words (Anderson-Rubin).
    """

    strength: FirstStage
    panels: tuple[InstrumentPanel, ...]
    robust_set: str


def instrument_evidence(study: Any, *, level: float = 0.95) -> InstrumentEvidence | None:
    """Evidence on the instruments of a study; None if it has none, or if they are no instruments at all.

    Parameters
    ----------
    study : Study
    level : float
        Of the robust set.
    """
    if not study.has("instruments"):
        return None
    try:
        strength = instrument_strength(study)
        robust = anderson_rubin(study, level=level)
    except DataError:  # the check of every method says what is wrong
        return None
    panels = tuple(_panel(study, j) for j in range(study.Z.shape[1]) if study.instruments[j] not in strength.redundant)
    return InstrumentEvidence(strength, panels, robust.sentence)


def _panel(study: Any, j: int) -> InstrumentPanel:
    s = np.ones(study.n) if study.sample_weight is None else study.sample_weight
    others = np.column_stack([np.ones(study.n), study.X, np.delete(study.Z, j, axis=1)])
    z, *means = (study.Z[:, j], study.T, study.Y)
    root = np.sqrt(s)[:, None]
    left = [v - others @ np.linalg.lstsq(others * root, v * root[:, 0], rcond=None)[0] for v in (z, *means)]
    centre = [float(np.average(v, weights=s)) for v in (z, *means)]
    distinct = np.unique(z)
    discrete = len(distinct) <= DOTS
    if discrete:
        dot, place = np.searchsorted(distinct, z), z
    else:
        place = left[0] + centre[0]
        dot = np.searchsorted(np.quantile(place, np.linspace(0, 1, DOTS + 1)[1:-1]), place)
    used = np.flatnonzero(np.bincount(dot))
    size = np.bincount(dot, weights=s)[used]
    columns, halves, slopes = [], [], []
    for residual, mean in zip(left[1:], centre[1:], strict=True):
        slope = float((s * left[0]) @ residual / ((s * left[0]) @ left[0]))
        error = s * left[0] * (residual - slope * left[0])
        slopes.append((slope, float(np.sqrt(error @ error) / ((s * left[0]) @ left[0]))))
        # At the instrument's own values, the line is drawn through them as well: partial residuals.
        shown = residual - slope * left[0] + slope * (z - centre[0]) if discrete else residual
        average = np.bincount(dot, weights=s * shown)[used] / size
        spread = np.bincount(dot, weights=s * (shown - average[np.searchsorted(used, dot)]) ** 2)[used] / size
        columns.append(average + mean)
        halves.append(HALF * np.sqrt(spread / np.maximum(np.bincount(dot)[used], 1)))
    return InstrumentPanel(
        name=study.instruments[j],
        values=np.bincount(dot, weights=s * place)[used] / size,
        counts=np.bincount(dot)[used],
        treatment=columns[0],
        outcome=columns[1],
        treatment_half=halves[0],
        outcome_half=halves[1],
        first_stage=slopes[0],
        reduced_form=slopes[1],
        discrete=discrete,
    )


def slope_words(slope: tuple[float, float]) -> str:
    """A slope and its standard error, for a caption."""
    return f"{words.number(slope[0])} (standard error {words.number(slope[1])})"
