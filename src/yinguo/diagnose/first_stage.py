r"""Do the instruments move the treatment? The first thing to know of an instrument, and the first thing printed.

With M the residual maker of [1, X], :math:`\tilde Z = MZ`, :math:`\tilde T = MT` and first-stage residuals v, the
plain F statistic is :math:`\tilde T' P \tilde T / q` over :math:`v'v / (n - k)`. It takes the noise to be alike
everywhere; the robust F does not, but says little about bias with several instruments. What does is the effective F

.. math:: F_{\mathrm{eff}} = \tilde T' P \tilde T \,/\, \mathrm{tr}(\hat W (\tilde Z'\tilde Z)^{-1}),
   \qquad \hat W = \tfrac{n}{n-k} \sum_i v_i^2 \tilde z_i \tilde z_i'

which is the robust F itself with one instrument.

Instruments can be weak on their own and strong together with covariates: where they push some people up and others
down, their slope cancels while their products with the covariates do not. Methods that are linear in the instruments
see nothing then; methods that let instruments and covariates interact do.

Source: Staiger & Stock (1997), Econometrica 65(3); Montiel Olea & Pflueger (2013), JBES 31(3).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from yinguo.core.diagnostic import Diagnostic
from yinguo.errors import DataError
from yinguo.kernels.instrument_moments import InstrumentMoments, Scores
from yinguo.kernels.residual_tests import RESIDUAL_TOL

__all__ = [
    "FirstStage", "first_stage_check", "instrument_strength", "linear_first_stage_check", "strength",
    "strength_verdict",
]  # fmt: skip

#: Effective F below which the rule of thumb calls instruments weak.
WEAK = 10.0
REFERENCE = f"effective F of at least {WEAK:g}"
#: Products of instruments and covariates beyond this many are not looked at: a first stage must stay cheap.
MOST_PRODUCTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStage:
    """Strength of the excluded instruments.

    Attributes
    ----------
    f : float
        F statistic under equal noise; for one treatment also the statistic of Cragg and Donald.
    p : float
        Its p-value, of the null that no instrument moves the treatment.
    f_robust, p_robust : float
        Robust to unequal noise, clustered if the study has groups; for one treatment also the F of Kleibergen and Paap.
        Not a number with fewer groups than instruments.
    f_effective : float
        Of Montiel Olea and Pflueger; below 10 the instruments count as weak.
    critical_value : float
        What the effective F must exceed for a bias above a tenth of the worst case to be ruled out at the 5 % level.
    partial_r2 : float
        Share of what the covariates leave of the treatment that the instruments explain.
    df : (int, int)
        Degrees of freedom of ``f``.
    df_robust : (int, int)
        Degrees of freedom of ``f_robust``; the second is groups minus one if there are groups.
    coefficients : (q,) float array
        Of the instruments in the first stage; 0 for redundant ones.
    redundant : tuple of str
        Instruments that are combinations of the covariates and the instruments before them; they count for nothing.
    interactions : FirstStage or None
        The same for the instruments together with their products with the covariates; None without covariates, or
        where there are more than 200 products or not enough rows for them.
    """

    f: float
    p: float
    f_robust: float
    p_robust: float
    f_effective: float
    critical_value: float
    partial_r2: float
    df: tuple[int, int]
    df_robust: tuple[int, int]
    coefficients: np.ndarray
    redundant: tuple[str, ...] = ()
    interactions: "FirstStage | None" = None

    @property
    def weak(self) -> bool:
        """Whether the effective F is below 10."""
        return not self.f_effective >= WEAK

    @property
    def strong_with_interactions(self) -> bool:
        """Whether the products with the covariates are strong though the instruments are weak."""
        return self.weak and self.interactions is not None and not self.interactions.weak


def instrument_strength(study, *, interactions: bool = True) -> FirstStage:
    """Strength of the instruments of a study, given its covariates.

    Parameters
    ----------
    study : Study
        With instruments. Its sample weights and groups, if any, are honoured.
    interactions : bool
        Whether to look at products of instruments and covariates as well.

    Returns
    -------
    FirstStage

    Raises
    ------
    DataError
        No instruments; too few rows; all instruments are combinations of the covariates.

    Source
    ------
    Montiel Olea & Pflueger (2013), JBES 31(3), for the effective F and its simplified critical value.
    """
    if not study.has("instruments"):
        raise DataError("the study has no instruments; name their columns with instruments=.")
    own = strength(_moments(study, study.Z), study.groups, study.instruments)
    return replace(own, interactions=_with_products(study)) if interactions else own


def _moments(study, Z) -> InstrumentMoments:
    # The outcome plays no part; it may be missing where selection says so.
    return InstrumentMoments(Y=study.T, T=study.T, X=study.X, Z=Z, s=study.sample_weight)


def strength(moments: InstrumentMoments, groups=None, names=(), middle=None) -> FirstStage:
    r"""First-stage statistics from moments.

    Parameters
    ----------
    moments : InstrumentMoments
    groups : (n,) int array, optional
    names : sequence of q names
    middle : (q, q) float array, optional
        :math:`\sum_i v_i^2 \tilde z_i \tilde z_i'`, if it is known already; it saves a pass over the data.

    Returns
    -------
    FirstStage

    Raises
    ------
    DataError
        Too few rows; no instrument with variation of its own; a treatment that the covariates determine.

    Source
    ------
    Montiel Olea & Pflueger (2013), JBES 31(3).
    """
    kept, redundant = moments.independent()
    names = names or tuple(f"z{j + 1}" for j in range(moments.q))
    if len(kept) == 0:
        raise DataError(
            f"the instruments ({', '.join(names)}) are combinations of the covariates; nothing of their own is left to "
            "move the treatment."
        )
    if len(kept) < moments.q:
        moments, middle = moments.only(kept), None
    n, q, k = moments.n, moments.q, moments.rank + moments.q
    if n <= k:
        raise DataError(f"{n} rows do not determine a first stage with {k} coefficients.")
    tt, zt, zz = moments.C[1, 1], moments.C[2:, 1], moments.C[2:, 2:]
    if not tt > 1e-12 * moments.total[1]:
        raise DataError("the covariates determine the treatment; nothing of it is left for the instruments to move.")
    root = np.linalg.cholesky(zz)
    loadings = np.linalg.solve(root, zt)  # coefficients on orthonormal instruments
    pi = np.linalg.solve(root.T, loadings)
    explained = float(loadings @ loadings)
    left = max(tt - explained, 0.0)
    if middle is None:
        residual = np.concatenate([[0.0, 1.0], -pi])
        middle = moments.middle([Scores(residual, np.eye(2 + q)[2:])], groups)[0]
    clusters = None if groups is None else int(groups.max()) + 1
    # The factors of least squares with robust errors, so that one instrument's F is the square of its t value.
    factor = n / (n - k) if clusters is None else clusters / max(clusters - 1, 1) * (n - 1) / (n - k)
    W = factor * np.linalg.solve(root, np.linalg.solve(root, middle).T)
    df, df_robust = (q, n - k), (q, n - k if clusters is None else clusters - 1)
    if left <= RESIDUAL_TOL * tt:  # the instruments determine the treatment
        f = f_robust = f_effective = np.inf
    else:
        f = explained / q / (left / (n - k))
        f_effective = explained / float(np.trace(W))
        f_robust = _quadratic(W, loadings) / q
    coefficients = np.zeros(len(redundant))
    coefficients[kept] = pi
    return FirstStage(
        f=float(f), p=float(stats.f.sf(f, *df)),
        f_robust=float(f_robust), p_robust=float(stats.f.sf(f_robust, *df_robust)),
        f_effective=float(f_effective), critical_value=_critical_value(W), partial_r2=float(explained / tt), df=df,
        df_robust=df_robust, coefficients=coefficients,
        redundant=tuple(names[j] for j in np.flatnonzero(redundant)),
    )  # fmt: skip


def _quadratic(W, loadings) -> float:
    """loadings' W^-1 loadings; not a number if W has no inverse, as with fewer clusters than instruments."""
    values, vectors = np.linalg.eigh(W)
    if values[0] <= 1e-12 * values[-1]:
        return float("nan")
    return float(((vectors.T @ loadings) ** 2 / values).sum())


def _critical_value(W, bias: float = 0.1, level: float = 0.05) -> float:
    """Simplified (conservative) critical value of the effective F: a scaled noncentral chi-squared quantile."""
    trace, square, largest = np.trace(W), np.sum(W * W), np.linalg.eigvalsh(W)[-1]
    if not trace > 0:
        return float("nan")
    x = 1 / bias
    df = trace**2 * (1 + 2 * x) / (square + 2 * x * trace * largest)
    return float(stats.ncx2.ppf(1 - level, df, x * df) / df)


def _with_products(study) -> FirstStage | None:
    """First stage of the instruments and their products with the covariates."""
    X, Z = study.X, study.Z
    p, q = X.shape[1], Z.shape[1]
    if p == 0 or p * q > MOST_PRODUCTS or study.n < 2 * (1 + p + q + p * q):
        return None
    # Centred factors: the span together with the instruments themselves is the same, and the digits are kept.
    X, Zc = X - X.mean(axis=0), Z - Z.mean(axis=0)
    products = (Zc[:, :, None] * X[:, None, :]).reshape(study.n, q * p)
    names = (*study.instruments, *(f"{z}*{x}" for z in study.instruments for x in study.covariates))
    return strength(_moments(study, np.column_stack([Z, products])), study.groups, names)


def first_stage_check(result) -> Diagnostic:
    """Verdict on the strength of the instruments, for a method that lets instruments and covariates interact.

    Instruments that are weak alone but strong in products with the covariates get ``"look"``.

    Parameters
    ----------
    result : EffectResult
        Of a study with instruments.
    """
    return _checked(result, linear=False)


def linear_first_stage_check(result) -> Diagnostic:
    """Verdict on the strength of the instruments, for a method that is linear in them: weak alone is weak.

    Parameters
    ----------
    result : EffectResult
        Of a study with instruments.
    """
    return _checked(result, linear=True)


def _checked(result, linear: bool) -> Diagnostic:
    try:
        return strength_verdict(instrument_strength(result.study, interactions=False), result.study, linear=linear)
    except DataError as error:
        return Diagnostic("first-stage", None, REFERENCE, "stop", f"There is no first stage: {error}")


def strength_verdict(found: FirstStage, study, *, linear: bool) -> Diagnostic:
    """The check of a result from first-stage statistics; products with covariates are looked at where it is weak.

    Parameters
    ----------
    found : FirstStage
    study : Study
    linear : bool
        Whether the method is linear in the instruments.
    """
    treatment, value = study.roles["treatment"], found.f_effective
    said = (
        f"effective F {value:.3g}, they explain {found.partial_r2:.2g} of the variance that the covariates leave of "
        f"{treatment}"
    )
    if not found.weak:
        return Diagnostic("first-stage", value, REFERENCE, "ok", f"The instruments move {treatment}: {said}.")
    more = found.interactions or _with_products(study)
    if more is not None and not more.weak:
        sentence = (
            f"The instruments alone are weak ({said}), but together with their products with the covariates they are "
            f"strong (effective F {more.f_effective:.3g}): they push {treatment} up for some and down for others. "
            "Methods that are linear in the instruments fail here unless the products are given as instruments; "
            "methods that let instruments and covariates interact can work."
        )
        return Diagnostic("first-stage", value, REFERENCE, "stop" if linear else "look", sentence)
    sentence = (
        f"The instruments hardly move {treatment} ({said}; below {WEAK:g} is weak): the estimate leans towards the "
        "confounded one and its interval is too narrow. Use an interval that holds under weak instruments, or find "
        "better instruments."
    )
    return Diagnostic("first-stage", value, REFERENCE, "stop", sentence)
