"""The average effect in the result of every method that weights by a shadow variable, with its checks."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from yinguo.core.result import EffectResult
from yinguo.core.study import Study
from yinguo.diagnose.overlap import clip_propensity, overlap_check
from yinguo.kernels.shadow_moments import OddsFit
from yinguo.selection.shadow_checks import relevance_check, represented_check, shadow_check, weights_check
from yinguo.selection.shadow_effects import doubly_robust_average, weighted_average
from yinguo.selection.shadow_odds_models import Seen

__all__ = ["AVERAGES", "outcome_coefficient", "shadow_result"]

AVERAGES = ("dr", "ipw")


def shadow_result(
    learner: Any,
    study: Study,
    seen: Seen,
    odds: OddsFit,
    *,
    folds: np.ndarray,
    average: str = "dr",
    extras: dict[str, Any],
    notes: Sequence[str] = (),
    checks: Sequence[Any] = (),
    no_inference: str | None = None,
) -> EffectResult:
    """The result: average over everybody, influence values with the error of the odds, diagnostics.

    Parameters
    ----------
    learner : estimator
        With the options ``outcome_model``, ``propensity`` and ``clip``.
    study : Study
    seen : Seen
    odds : OddsFit
    folds : (n,) int array
    average : {"dr", "ipw"}
    extras : dict
        With the figures of :func:`~yinguo.selection.shadow_checks.shadow_extras`.
    notes : sequence of str
    checks : sequence of callables (result) -> Diagnostic
        Further ones, before the usual.
    no_inference : str, optional
        Why there is no standard error.
    """
    clip = partial(clip_propensity, clip=learner.clip, s=seen.s)
    if average == "dr":
        estimate, phi, clipping = doubly_robust_average(
            seen, odds, folds=folds, model=learner.outcome_model, propensity=learner.propensity, clip=clip
        )
    else:
        estimate, phi, clipping = weighted_average(seen, odds, propensity=learner.propensity, clip=clip)
    inference: dict[str, Any] = {"phi": phi} if no_inference is None else {"no_inference": no_inference}
    return learner.make_result(
        study,
        estimate,
        propensity=clipping.e,
        checks=(*checks, relevance_check, shadow_check, represented_check, weights_check, overlap_check),
        notes=(*clipping.note(learner.clip), *notes),
        extras=extras,
        **inference,
    )


def outcome_coefficient(seen: Seen, odds: OddsFit) -> dict[str, float]:
    """How much one unit more of the outcome raises the log odds of being seen (logistic form)."""
    spread = float(seen.Y[seen.rows].std())
    se = float(np.sqrt(odds.covariance(seen.groups)[-1, -1]))
    return {"outcome_in_selection": float(odds.theta[-1]) / spread, "outcome_in_selection_se": se / spread}
