"""Simpson's paradox in a study: treated against controls, pooled and within strata."""

from collections.abc import Sequence

import numpy as np

from yinguo.diagnose.simpson import SimpsonExplanation, explain_simpson
from yinguo.errors import DataError

__all__ = ["explain_study"]


def explain_study(study, stratum, *, groups: Sequence[str] | None = None) -> SimpsonExplanation:
    """Explain the comparison of treated and controls of a study within strata.

    Parameters
    ----------
    study : Study
        With a binary treatment; sample weights count as numbers of units.
    stratum : str or (n,) array
        A covariate of the study, or the stratum of every row, of any type.
    groups : two names, optional
        For the treated and the controls; default: the values of the treatment column.

    Returns
    -------
    SimpsonExplanation
        The first group is the treated one, so differences are treated minus control.

    Raises
    ------
    DataError
        If the treatment is not binary, the covariate is unknown, or the stratum has more than 50 values.

    Source
    ------
    As :func:`explain_simpson`.
    """
    if study.treatment_kind != "binary":
        raise DataError(
            f"treatment {study.roles['treatment']!r} is {study.treatment_kind}; two groups are compared here."
        )
    if isinstance(stratum, str):
        if stratum not in study.covariates:
            raise DataError(f"{stratum!r} is not a covariate; the covariates are {', '.join(study.covariates)}.")
        prefix, values = f"{stratum} = ", study.X[:, study.covariates.index(stratum)]
    else:
        prefix, values = "", np.asarray(stratum)
        if values.shape != (study.n,):
            raise DataError(f"stratum has shape {values.shape}; it must have one entry for each of {study.n} rows.")
    levels, codes = np.unique(values, return_inverse=True)
    if len(levels) > 50:
        raise DataError(f"the stratum has {len(levels)} values; cut it into at most 50 (better: 5) classes first.")
    weight = np.ones(study.n) if study.sample_weight is None else study.sample_weight
    arms = [weight * study.T, weight * (1 - study.T)]
    counts, sums, squares = (
        np.array([np.bincount(codes, w * study.Y**power, len(levels)) for w in arms]) for power in (0, 1, 2)
    )
    named = [f"{prefix}{level:g}" if isinstance(level, float) else f"{prefix}{level}" for level in levels]
    return explain_simpson(
        sums,
        counts,
        groups=_group_names(study) if groups is None else groups,
        strata=named,
        as_share=study.outcome_kind == "binary",
        squares=squares,
    )


def _group_names(study):
    levels = study.treatment_levels
    if len(levels) == 2 and all(isinstance(level, str) for level in levels):
        return str(levels[1]), str(levels[0])
    return "treated", "controls"
