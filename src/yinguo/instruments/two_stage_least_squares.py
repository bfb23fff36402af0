r"""Two-stage least squares: the part of the treatment that the instruments move, and what the outcome does with it.

.. math:: \hat\theta = (\tilde T' P \tilde T)^{-1} \tilde T' P \tilde Y

with P the projection on the instruments and tilde for net of [1, X]. With one instrument this is the Wald ratio, what
the instrument does to the outcome over what it does to the treatment.

Source: Theil (1953); Basmann (1957), Econometrica 25(1); as an average over those whom the instrument moves, Imbens &
Angrist (1994), Econometrica 62(2).
"""

from typing import Any, NamedTuple

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.errors import NotIdentifiedError
from yinguo.instruments.linear_fit import fit_linear, linear_structure
from yinguo.kernels.k_class import KClass

__all__ = ["Compliance", "TwoStageLeastSquares", "compliance", "local_effect_in_words"]


class TwoStageLeastSquares(StructuralEstimator):
    """Linear effect of a confounded treatment, from instruments.

    **Use it when** the instruments are strong and the outcome is close to linear in treatment and covariates, or an
    average over those whom the instruments move is what you want. **Not when** the effective F of the first stage is
    below 10 (the check says so: the estimate then leans towards least squares, its interval is too short), or when
    instruments act only through products with covariates (give the products as instruments).

    **Assumes** relevance, exclusion, instruments as good as random given the covariates, and one linear effect; or,
    for the estimand LATE, a treatment of two values that the instruments push in one direction only.

    **Inference**: heteroscedasticity-robust, and clustered where the study has groups.

    The study may have several instruments and any covariates; a redundant instrument is refused by name.
    ``coefficients_`` and ``covariance_`` hold intercept, treatment and covariates, in that order. The extras of the
    result hold the plain first-stage F, Sargan's and the Wu-Hausman statistic, for comparison with other software; the
    checks use the robust versions unless ``covariance="unadjusted"``.

    Parameters
    ----------
    estimand : {"ATE", "LATE"}
        The same number read in two ways. With a treatment and an instrument of two values the extras hold the shares
        of compliers, always-takers and never-takers.
    covariance : {"robust", "unadjusted"}
        Whether residuals may vary more in some places than in others.
    small : bool
        Factor n/(n-k) on the covariance, with groups G/(G-1) (n-1)/(n-k); False gives large-sample errors.
    endogenous : sequence of str
        Covariates that are confounded as well and instrumented together with the treatment.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 5000))
    >>> T = Z + U
    >>> study = yg.Study.from_arrays(np.empty((5000, 0)), T, 2 * T + U, Z=Z)
    >>> result = yg.TwoStageLeastSquares().fit(study).result_
    >>> bool(abs(result.estimate - 2) < 0.05), result.diagnostics[0].verdict
    (True, 'ok')
    """

    name = "2sls"
    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE", "LATE"),
        needs=("instruments",),
        honours=("sample_weight", "groups"),
        inference="robust sandwich",
        assumes=("relevance", "exclusion", "as_if_random", "linear_effect", "no_interference"),
        holds=(
            "row_order", "outcome_affine", "label_swap", "covariate_affine", "instrument_affine", "weights_repeat",
            "weights_constant",
        ),
    )  # fmt: skip

    def __init__(self, *, estimand: str = "ATE", covariance: str = "robust", small: bool = True, endogenous=()) -> None:
        self.estimand = estimand
        self.covariance = covariance
        self.small = small
        self.endogenous = endogenous

    def fit(self, study: Study) -> "TwoStageLeastSquares":
        """Estimate on a study; see :class:`TwoStageLeastSquares`."""
        if self.estimand == "LATE" and isinstance(study, Study) and study.treatment_kind != "binary":
            raise NotIdentifiedError(
                f"LATE compares two treatments; {study.roles['treatment']!r} is {study.treatment_kind}. Ask for the "
                "ATE, or pass treated= to compare one value with the rest."
            )

        def describe(fit: KClass) -> tuple[tuple[str, ...], dict[str, Any]]:
            found = compliance(study, float(fit.pi[0, 0]))
            notes = local_effect_in_words(study, found) if self.estimand == "LATE" else ()
            return notes, {} if found is None else found._asdict()

        fit_linear(self, study, lambda moments: 1.0, describe=describe)
        return self

    def _structure(self, X, T) -> np.ndarray:
        return linear_structure(self.__dict__["coefficients_"], X, T)


class Compliance(NamedTuple):
    """How people respond to one instrument of two values.

    Attributes
    ----------
    compliers, always_takers, never_takers : float
        Shares, adjusted for the covariates by least squares.
    sides : {"two-sided", "no always-takers", "no never-takers", "full"}
        Which of the two sorts of people who do not respond were met at all.
    instrument_value : float
        The value of the instrument that makes people take the treatment.
    """

    compliers: float
    always_takers: float
    never_takers: float
    sides: str
    instrument_value: float


def compliance(study: Study, slope: float) -> Compliance | None:
    """Shares of compliers, always-takers and never-takers; None unless treatment and instrument have two values.

    Parameters
    ----------
    study : Study
    slope : float
        First-stage coefficient of the instrument, given the covariates. Where it is negative the lower value of the
        instrument is the one that makes people take the treatment.

    Source
    ------
    Angrist, Imbens & Rubin (1996), Journal of the American Statistical Association 91(434).
    """
    if study.treatment_kind != "binary" or study.Z is None or study.Z.shape[1] != 1:
        return None
    Z, T, s = study.Z[:, 0], study.T, study.sample_weight
    low, high = float(Z.min()), float(Z.max())
    if not np.isin(Z, (low, high)).all():
        return None
    value = high if slope > 0 else low
    pushed = value == Z
    compliers = abs(slope) * (high - low)
    without = float(np.average(T, weights=s)) - compliers * float(np.average(pushed, weights=s))
    sides = {
        (True, True): "two-sided", (False, True): "no always-takers", (True, False): "no never-takers",
        (False, False): "full",
    }[bool(T[~pushed].any()), bool((T[pushed] == 0).any())]  # fmt: skip
    always, never = np.clip([without, 1 - without - compliers], 0.0, 1.0)
    return Compliance(compliers, float(always), float(never), sides, value)


def local_effect_in_words(study: Study, found: Compliance | None) -> tuple[str, ...]:
    """What the LATE is an average over, in sentences about this study.

    Parameters
    ----------
    study : Study
    found : Compliance or None

    Source
    ------
    Imbens & Angrist (1994), Econometrica 62(2); for one-sided compliance, Bloom (1984), Evaluation Review 8(2).
    """
    treatment, names = study.roles["treatment"], ", ".join(study.instruments)
    meaning = (
        f"LATE is the effect averaged over compliers: those whose {treatment} changes with {names}. Who they are "
        f"cannot be seen row by row. It takes that {names} moves nobody's {treatment} the other way."
    )
    if found is None:
        return (
            meaning,
            "with several instruments, or one of many values, the average over those whom each step of them moves, "
            "weighted by how many it moves and how often it occurs.",
        )
    shares = (
        f"about {found.compliers:.0%} are compliers ({treatment} only when {names} is {found.instrument_value:g}), "
        f"{found.always_takers:.0%} would have {treatment} = 1 in any case, {found.never_takers:.0%} in no case."
    )
    if found.sides == "two-sided":
        return meaning, shares
    also = {
        "no always-takers": f"nobody had {treatment} = 1 without {names}: all treated are compliers, so this is also "
        "the effect on the treated (ATT)",
        "no never-takers": f"everybody whom {names} pushed had {treatment} = 1: all untreated are compliers, so this "
        "is also the effect on the untreated (ATC)",
        "full": f"everybody followed {names}, so this is also the effect on everybody (ATE)",
    }[found.sides]
    return meaning, shares, also + (" if it does not vary with the covariates." if study.covariates else ".")
