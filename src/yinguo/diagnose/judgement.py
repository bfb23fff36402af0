"""Whom does it help, how sure is that, and what is acting on it worth: one learner judged in one call.

Everything rests on effects of rows that had no part in learning them (see :mod:`yinguo.diagnose.held_out_effects`). The
segments and the rule are drawn on the first folds and judged on the others, with the learner of those first folds.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yinguo.core.diagnostic import Diagnostic, worst
from yinguo.core.study import Study
from yinguo.diagnose.calibration_slope import EffectCalibration, effect_calibration
from yinguo.diagnose.held_out_effects import EffectScores, HeldOutEffects, effect_scores, sequential_effects
from yinguo.diagnose.linear_projection import LinearProjection, best_linear_projection
from yinguo.diagnose.rank_weighted import RankWeightedEffect, rank_weighted_effect
from yinguo.diagnose.segments import Segments, effect_segments
from yinguo.diagnose.sorted_groups import GroupEffects, group_effects
from yinguo.diagnose.targeting import SHARES, TargetingCurve, TargetingPoint, targeting_curve, targeting_point
from yinguo.diagnose.tree_policy import PolicyTree, policy_tree
from yinguo.diagnose.value_of_policy import PolicyValue, policy_value
from yinguo.errors import DataError

__all__ = ["JudgedEffects", "judge_effects"]

#: Covariates of the linear projection; more slopes than that are no summary.
MOST_SLOPES = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgedEffects:
    """What can be said of a learner's effects.

    Attributes
    ----------
    learner : str
        Its name.
    scores : EffectScores
    held_out : HeldOutEffects
    calibration : EffectCalibration
        Is there heterogeneity, and did the learner find it?
    autoc, qini : RankWeightedEffect
        Does its ranking find those who gain most?
    groups : GroupEffects
        Effects by quantiles of the learned effect.
    projection : LinearProjection
        Which covariates move the effect, in a straight line.
    curve : TargetingCurve
        Gain by share treated.
    best : TargetingPoint
        The share asked for.
    policy : PolicyValue
        Treating those with a learned effect above the cost.
    tree : PolicyTree
        The best rule that fits in a sentence.
    segments : Segments
        Ranked list.
    cost : float
    skipped : dict of str to str
        What could not be made and why; the field is then None.
    """

    learner: str
    scores: EffectScores
    held_out: HeldOutEffects
    calibration: EffectCalibration
    autoc: RankWeightedEffect
    qini: RankWeightedEffect
    groups: GroupEffects
    projection: LinearProjection | None
    curve: TargetingCurve
    best: TargetingPoint
    policy: PolicyValue
    tree: PolicyTree | None
    segments: Segments | None
    cost: float
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All verdicts, in the order a person reads them."""
        parts = (
            self.calibration, self.autoc, self.qini, self.groups, self.segments, self.best, self.policy, self.tree,
            self.projection,
        )  # fmt: skip
        verdicts = [part.diagnostic for part in parts if part is not None]
        return (_overlap(self.scores), verdicts[0], self.calibration.level_diagnostic, *verdicts[1:])

    @property
    def supported(self) -> bool:
        """Whether the data support treating some and not others: the differences are there, and the ranking finds them.

        Both tests of that are one-sided at 5 %; neither may be upside down, and overlap must not say stop.
        """
        ranked = self.autoc.p < 0.05 or self.qini.p < 0.05
        return self.calibration.heterogeneous and ranked and _overlap(self.scores).verdict != "stop"

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        if self.supported:
            return f"The effect differs between units, and the effects of {self.learner} tell for whom it is larger."
        if worst([self.calibration.diagnostic, self.autoc.diagnostic]) == "stop":
            return f"Do not act on the effects of {self.learner}: held against other rows they point the wrong way."
        if _overlap(self.scores).verdict == "stop":
            return "Do not act on these effects: too many units have almost no counterpart in the other arm."
        return (
            "The data cannot support treating some and not others: the differences between units cannot be told from "
            "noise. Decide by the average effect, or collect more data."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, rows left out."""
        parts = ("calibration", "autoc", "qini", "groups", "projection", "curve", "best", "policy", "tree", "segments")
        out: dict[str, Any] = {"learner": self.learner, "verdict": self.verdict, "supported": self.supported}
        out |= {"cost": self.cost, "n": self.scores.study.n, "n_judged": len(self.held_out.rows)}
        for name in parts:
            part = getattr(self, name)
            out[name] = None if part is None else part.to_dict()
        return out | {"diagnostics": [d.to_dict() for d in self.diagnostics], "skipped": dict(self.skipped)}

    def summary(self) -> str:
        """A few paragraphs for a terminal."""
        lines = [self.verdict, "", *(str(d) for d in self.diagnostics)]
        if self.segments is not None:
            lines += ["", "Segments, largest effect first (intervals hold for all together):", *self.segments.lines]
        if self.tree is not None:
            lines += ["", "The best rule in a sentence:", *self.tree.lines]
        return "\n".join([*lines, *(f"left out: {name}: {why}" for name, why in self.skipped.items())])


def judge_effects(
    study: Study,
    learner: Any,
    *,
    cost: float = 0.0,
    share: float = 0.2,
    n_groups: int = 5,
    depth: int = 2,
    level: float = 0.95,
    scores: EffectScores | None = None,
    propensity: Any = "logit",
    outcome_model: Any = None,
    folds: Any = 5,
    clip: float = 0.01,
    random_state: Any = 0,
) -> JudgedEffects:
    """Judge the effects that a learner finds in a study.

    Parameters
    ----------
    study : Study
    learner : object with ``fit(study)`` and ``effect(X)``
        Left as it is; copies are fitted.
    cost : float
        Of treating one unit, in the unit of the outcome.
    share : float in (0, 1]
        The value of treating this best share is told.
    n_groups : int
        Quantiles of the learned effect.
    depth : int
        Of the trees behind segments and rule.
    level : float
        Of all intervals.
    scores : EffectScores, optional
        If they were made before; ``propensity``, ``outcome_model``, ``folds`` and ``clip`` are then theirs.
    propensity : {"logit", "probit"} or classifier
        For the scores.
    outcome_model : regressor or classifier, optional
        For the scores; None is least squares.
    folds : int or (n,) int array
        At least 3: the first only teaches, and two more are to judge.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    random_state : int, Generator or None
        Draws the folds.

    Returns
    -------
    JudgedEffects
        ``verdict`` and ``supported`` first; then ``segments``, ``best`` and the rest.

    Raises
    ------
    DataError
        Fewer than 3 folds, or too few rows for what is asked.

    Source
    ------
    Chernozhukov, Demirer, Duflo & Fernandez-Val (2025), Econometrica 93(4); Yadlowsky et al. (2025), JASA 120(549);
    Wager (2024), arXiv 2405.05534.
    """
    if scores is None:
        scores = effect_scores(
            study, propensity=propensity, outcome_model=outcome_model, folds=folds, clip=clip, random_state=random_state
        )
    n_folds = int(scores.folds.max()) + 1
    if n_folds < 3:
        raise DataError(f"there are {n_folds} folds; judging needs at least 3: one to learn first, two to judge on.")
    held = sequential_effects(learner, scores)
    psi, tau, design = held.psi, held.tau, {**held.design, "level": level}
    skipped: dict[str, str] = {}
    drawing = n_folds // 2
    drawn, target = scores.folds < drawing, held.learners[drawing - 1].effect(study.X)
    whole = {"s": study.sample_weight, "groups": study.groups, "level": level}
    trees = {"drawn": drawn, "names": study.covariates, "depth": depth, **whole}
    return JudgedEffects(
        learner=getattr(learner, "name", None) or type(learner).__name__,
        scores=scores,
        held_out=held,
        calibration=effect_calibration(psi, tau, **design),
        autoc=rank_weighted_effect(psi, tau, target="AUTOC", **design),
        qini=rank_weighted_effect(psi, tau, target="QINI", **design),
        groups=group_effects(psi, tau, n_groups=n_groups, **design),
        projection=_tried(skipped, "projection", _project, scores, level),
        curve=targeting_curve(psi, tau, shares=SHARES, cost=cost, **design),
        best=targeting_point(psi, tau, share, cost=cost, **design),
        policy=policy_value(psi, tau > cost, cost=cost, **held.sample, level=level),
        tree=_tried(skipped, "tree", policy_tree, scores.psi, study.X, cost=cost, **trees),
        segments=_tried(skipped, "segments", effect_segments, scores.psi, study.X, target=target, **trees),
        cost=float(cost),
        skipped=skipped,
    )


def _tried(skipped: dict[str, str], name: str, make: Any, *parts: Any, **options: Any) -> Any:
    """The part, or None with the reason kept: a small study has no segments, but still an answer."""
    try:
        return make(*parts, **options)
    except DataError as error:
        skipped[name] = str(error)
        return None


def _project(scores: EffectScores, level: float) -> LinearProjection:
    """On the covariates, or on those that vary most with the scores' noise left aside: the first by name order."""
    study = scores.study
    if len(study.covariates) > MOST_SLOPES:
        raise DataError(
            f"there are {len(study.covariates)} covariates; a projection on more than {MOST_SLOPES} is no summary. Use "
            "best_linear_projection on the few of interest."
        )
    return best_linear_projection(
        scores.psi, study.X, names=study.covariates, s=study.sample_weight, groups=study.groups, level=level
    )


def _overlap(scores: EffectScores) -> Diagnostic:
    """How many units have almost no counterpart: their scores are noise."""
    e = scores.e
    share = float(np.mean((e < 0.02) | (e > 0.98)))
    verdict = "ok" if share <= 0.01 else "look" if share <= 0.1 else "stop"
    return Diagnostic(
        "overlap", share, "at most 1 %", verdict,
        f"{share:.1%} of the units were almost sure of one arm; the chance of treatment runs from {e.min():.3g} to "
        f"{e.max():.3g}.",
    )  # fmt: skip
