"""From a study to the moments that linear methods with instruments work on; what makes no model is refused."""

import numpy as np

from yinguo.errors import DataError, NotIdentifiedError
from yinguo.kernels.instrument_moments import InstrumentMoments

__all__ = ["cluster_factor", "linear_moments"]

#: Share of its variation that the instruments must explain of the treatment; less is rounding.
MOVED_TOL = 1e-14


def linear_moments(study, endogenous=()) -> InstrumentMoments:
    """Moments of outcome, treatment and instruments net of the covariates.

    Parameters
    ----------
    study : Study
    endogenous : sequence of str
        Covariates that are to be instrumented as well; they follow the treatment.

    Returns
    -------
    InstrumentMoments

    Raises
    ------
    DataError
        No instruments; an instrument that is a combination of the covariates and the instruments before it; too few
        rows; names in ``endogenous`` that are no covariates.
    NotIdentifiedError
        Fewer instruments than columns to instrument; a treatment that the covariates determine, or that the
        instruments do not move at all.
    """
    if not study.has("instruments"):
        raise DataError("the study has no instruments; name their columns with instruments=.")
    if not np.isfinite(study.Y).all():
        raise DataError(
            f"outcome {study.roles['outcome']!r} is missing where {study.roles['selection']!r} is 0; linear methods "
            "with instruments do not correct for selection."
        )
    endogenous = (endogenous,) if isinstance(endogenous, str) else tuple(endogenous)
    moved, X = study.T, study.X
    if endogenous:
        moved = np.column_stack([study.T, study.columns(endogenous)])
        X = X[:, [j for j, name in enumerate(study.covariates) if not _named(name, endogenous)]]
    moments = InstrumentMoments(Y=study.Y, T=moved, X=X, Z=study.Z, s=study.sample_weight)
    _refuse(study, moments, endogenous)
    return moments


def _named(covariate: str, wanted) -> bool:
    """Whether a covariate is one of the names, or an indicator of one of them."""
    return any(covariate == name or covariate.startswith(f"{name}=") for name in wanted)


def _refuse(study, moments: InstrumentMoments, endogenous) -> None:
    n, m, q, treatment = moments.n, moments.m, moments.q, study.roles["treatment"]
    _, redundant = moments.independent()
    if redundant.any():
        names = ", ".join(repr(study.instruments[j]) for j in np.flatnonzero(redundant))
        raise DataError(
            f"the instruments {names} are linear combinations of the covariates and of the instruments before them; "
            "they add nothing. Leave them out of the instruments."
        )
    if q < m:
        raise NotIdentifiedError(
            f"{q} instruments for {m} columns to instrument ({', '.join((treatment, *endogenous))}); there must be at "
            "least as many."
        )
    k = moments.rank + q
    if n <= k:
        raise DataError(
            f"{n} rows do not determine a first stage with {k} coefficients; use fewer covariates or instruments."
        )
    tt, zt = moments.C[1 : 1 + m, 1 : 1 + m], moments.C[1 + m :, 1 : 1 + m]
    if not tt[0, 0] > 1e-12 * moments.total[1]:
        raise NotIdentifiedError(
            f"the covariates determine {treatment!r}; nothing of it is left for the instruments to move."
        )
    loadings = np.linalg.solve(np.linalg.cholesky(moments.C[1 + m :, 1 + m :]), zt) / np.sqrt(np.diag(tt))
    if not np.linalg.svd(loadings, compute_uv=False)[-1] ** 2 > MOVED_TOL:
        what = treatment if m == 1 else f"{treatment} and {', '.join(endogenous)} independently"
        raise NotIdentifiedError(f"the instruments do not move {what} at all, given the covariates.")


def cluster_factor(moments: InstrumentMoments, groups, coefficients: int) -> float:
    """Small-sample factor of a robust covariance: n/(n-k), or G/(G-1) (n-1)/(n-k) with G groups.

    Parameters
    ----------
    moments : InstrumentMoments
    groups : (n,) int array or None
    coefficients : int
        k.

    Raises
    ------
    DataError
        One group only.
    """
    n = moments.n
    if groups is None:
        return n / (n - coefficients)
    G = int(groups.max()) + 1
    if G < 2:
        raise DataError("clustered standard errors need at least 2 groups; the groups column has one value.")
    return G / (G - 1) * (n - 1) / (n - coefficients)
