"""Which learner's effects are best, judged on rows it was not fitted on, by a loss that needs no truth.

The losses are those of :mod:`yinguo.diagnose.effect_losses`. A constant effect runs along: a learner that does not
beat it has found no differences worth having.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from yinguo.core import words
from yinguo.core.diagnostic import Diagnostic
from yinguo.core.inference import standard_error
from yinguo.diagnose.effect_losses import dr_losses, neighbour_effects, neighbour_losses, r_losses
from yinguo.diagnose.fold_parts import weights_of
from yinguo.diagnose.held_out_effects import EffectScores, cross_effects, effect_scores
from yinguo.errors import DataError, YinguoError

__all__ = ["LOSSES", "LearnerChoice", "LearnerLoss", "choose_learner"]

LOSSES = ("dr-loss", "r-loss", "neighbours")
CONSTANT = "constant effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerLoss:
    """One learner's mean losses.

    Attributes
    ----------
    label : str
    losses : dict of loss name to float
        In the squared unit of the outcome; empty if the learner failed.
    behind, behind_se : float or None
        How much larger its loss is than the first one's, and the paired standard error of that; None for a failure.
    error : str or None
        Why there is nothing.
    """

    label: str
    losses: dict[str, float]
    behind: float | None = None
    behind_se: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerChoice:
    """Learners in order of their loss, the best first.

    Attributes
    ----------
    by : str
        The loss that ranks.
    rows : tuple of LearnerLoss
        The constant effect is among them.
    over_constant, over_constant_se : float
        Loss of the constant effect less that of the best learner, and its paired standard error.
    """

    by: str
    rows: tuple[LearnerLoss, ...]
    over_constant: float
    over_constant_se: float

    @property
    def best(self) -> str:
        """Label of the best learner, the constant effect not counted."""
        return next(row.label for row in self.rows if row.label != CONSTANT)

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict on whether the best learner beats one effect for all."""
        sure = self.over_constant > 1.645 * self.over_constant_se
        figures = f"{words.number(self.over_constant, 3)} (standard error {words.number(self.over_constant_se, 2)})"
        if self.over_constant <= 0:
            said = f"No learner has a smaller {self.by} than one effect for all"
        elif not sure:
            said = f"{self.best} has the smallest {self.by}, but beats one effect for all by no more than noise"
        else:
            said = f"{self.best} has the smallest {self.by} and beats one effect for all"
        reference = "beats one effect for all"
        return Diagnostic(
            "learner", self.over_constant, reference, "ok" if sure else "look", f"{said}: difference {figures}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        width = max(len(row.label) for row in self.rows)
        lines = [f"{'':{width}}  {self.by:>12}  behind the first"]
        for row in self.rows:
            if row.error is not None:
                lines.append(f"{row.label:{width}}  {'failed':>12}  {row.error}")
                continue
            tail = "" if not row.behind else f"{words.number(row.behind, 3)} +- {words.number(row.behind_se, 2)}"
            lines.append(f"{row.label:{width}}  {words.number(row.losses[self.by]):>12}  {tail}".rstrip())
        return "\n".join(lines)


def choose_learner(
    learners: Mapping[str, Any] | Sequence[Any],
    study,
    *,
    by: str = "dr-loss",
    scores: EffectScores | None = None,
    treated_only: bool = False,
    **options: Any,
) -> LearnerChoice:
    """Rank effect learners by a loss on rows they were not fitted on.

    Parameters
    ----------
    learners : mapping of label to learner, or sequence of learners
        Left as they are; copies are fitted, one for each fold.
    study : Study
    by : {"dr-loss", "r-loss", "neighbours"}
        The loss that ranks; all three are told.
    scores : EffectScores, optional
        If they were made before; they also hold the folds.
    treated_only : bool
        Neighbours of the treated only.
    **options
        Of :func:`yinguo.diagnose.held_out_effects.effect_scores`, where no scores are given.

    Returns
    -------
    LearnerChoice
        The paired standard errors take the fitted learners as they are: they say how sure the order is on rows like
        these, not how much another sample would have taught the learners.

    Raises
    ------
    DataError
        An unknown loss, no learner, labels that are not distinct, or failure of every learner.
    """
    if by not in LOSSES:
        raise DataError(f"by is {by!r}; it must be one of {LOSSES}.")
    named = _named(learners)
    if scores is None:
        scores = effect_scores(study, **options)
    elif options:
        raise DataError(f"scores are given, so {sorted(options)} would change nothing; leave them out.")
    nearest = neighbour_effects(Y=study.Y, T=study.T, X=study.X, treated_only=treated_only)
    tables, errors = {CONSTANT: _losses(_constant(scores), scores, nearest)}, {}
    for label, learner in named.items():
        try:
            tables[label] = _losses(cross_effects(learner, study, scores.folds), scores, nearest)
        except YinguoError as error:
            errors[label] = str(error)
    if len(tables) == 1:
        raise DataError(f"every learner failed; the first: {next(iter(errors.values()))}")
    counts = weights_of(study.sample_weight, study.n) * np.isfinite(tables[CONSTANT][by])
    means = {label: _means(table, study.sample_weight) for label, table in tables.items()}
    order = sorted(tables, key=lambda label: means[label][by])
    best = next(label for label in order if label != CONSTANT)

    def paired(label: str, against: str) -> tuple[float, float]:
        gap = np.nan_to_num(tables[label][by] - tables[against][by])
        mean = float(counts @ gap / counts.sum())
        return mean, standard_error(counts * (gap - mean) / counts.mean(), study.groups)

    gaps = {label: paired(label, order[0]) for label in order}
    over, over_se = paired(CONSTANT, best)
    rows = [LearnerLoss(label=x, losses=means[x], behind=gaps[x][0], behind_se=gaps[x][1]) for x in order]
    rows += [LearnerLoss(label=label, losses={}, error=reason) for label, reason in errors.items()]
    return LearnerChoice(by=by, rows=tuple(rows), over_constant=over, over_constant_se=over_se)


def _named(learners: Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
    if isinstance(learners, Mapping):
        named = dict(learners)
    else:
        labels = [getattr(x, "name", None) or type(x).__name__ for x in learners]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise DataError(f"{twice} stand more than once; pass a mapping of label to learner.")
        named = dict(zip(labels, learners))
    if not named:
        raise DataError("there is no learner to choose; pass at least one.")
    if CONSTANT in named:
        raise DataError(f"{CONSTANT!r} is the label of the yardstick; call the learner something else.")
    return named


def _constant(scores: EffectScores) -> np.ndarray:
    """Mean score of the other folds."""
    weight = weights_of(scores.study.sample_weight, scores.study.n)
    totals = np.bincount(scores.folds, weights=weight * scores.psi), np.bincount(scores.folds, weights=weight)
    return ((totals[0].sum() - totals[0]) / (totals[1].sum() - totals[1]))[scores.folds]


def _losses(tau, scores: EffectScores, nearest) -> dict[str, np.ndarray]:
    study = scores.study
    return {
        "dr-loss": dr_losses(scores.psi, tau),
        "r-loss": r_losses(tau, Y=study.Y, T=study.T, m=scores.m, e=scores.e),
        "neighbours": neighbour_losses(tau, nearest),
    }


def _means(table: dict[str, np.ndarray], s) -> dict[str, float]:
    out = {}
    for name, losses in table.items():
        counts = np.isfinite(losses)
        out[name] = float(np.average(losses[counts], weights=weights_of(s, len(losses))[counts]))
    return out
