"""What the methods that train networks share: the fit on all rows, and those on folds for the average effect.

A method of this kind has, besides its own options, ``estimand``, ``propensity``, ``folds``, ``clip``, ``device`` and
``random_state``, and keeps what was learned in ``curves_``: a callable of (n, p) covariates that gives two (n,) arrays,
the mean outcomes of the two arms in the unit of the study, and has a ``history``. One whose network learns the
chance of treatment as well may take ``propensity=None``: the average is then computed with the network's own, asked
from the curves as ``curves.propensity(X)``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from yinguo.core.crossfit import make_folds
from yinguo.core.nuisances import check_propensity, crossfit_propensities
from yinguo.core.random import spawn
from yinguo.core.study import Study
from yinguo.kernels.nuisances import Nuisances

__all__ = ["fit_by_training", "named_contributions"]

#: The parts that a decomposed representation sorts the covariates into.
ROLES = ("instrument", "confounder", "adjuster")

NO_FOLDS = (
    "folds is None, so the outcomes were learned once, from all rows; the average effect has no standard error. "
    "folds=2 learns them twice more."
)


def fit_by_training(learner: Any, study: Study, train: Callable[..., Any]) -> None:
    """Train on all rows, then on all but each fold, and set what ``fit`` has to set.

    Parameters
    ----------
    learner : EffectLearner
    study : Study
    train : callable (learner, Y, T, X, *, binary, rng)
        Trains once and returns the curves. ``binary`` says whether the outcome has two values; ``rng`` is a numpy
        generator of its own, for split, first weights and batches. It must not touch ``learner``.
    """
    Y, T, X = learner.take(study)
    check_propensity(learner.propensity)
    binary = study.outcome_kind == "binary"
    for_all, for_folds, for_parts = spawn(learner.random_state, 3)
    learner.curves_ = train(learner, Y, T, X, binary=binary, rng=np.random.default_rng(for_all))
    learner.history_ = learner.curves_.history
    if learner.folds is None:
        learner.finish(study, None, no_inference=NO_FOLDS)
        return
    folds = make_folds(learner.folds, T, for_folds, study.groups)
    m0, m1, e = np.empty((3, study.n))
    for k, seed in enumerate(spawn(for_parts, int(folds.max()) + 1)):
        rest, test = folds != k, folds == k
        curves = train(learner, Y[rest], T[rest], X[rest], binary=binary, rng=np.random.default_rng(seed))
        m0[test], m1[test] = curves(X[test])
        if learner.propensity is None:
            e[test] = curves.propensity(X[test])
    if learner.propensity is not None:
        e = crossfit_propensities(learner.propensity, X, T, folds)
    learner.finish(study, Nuisances(e, m0, m1))


def named_contributions(learner: Any, study: Study) -> dict[str, dict[str, float]]:
    """How much each covariate matters to the representations of instruments, confounders and adjusters, by name.

    Parameters
    ----------
    learner : EffectLearner
        Trained; its network has ``contributions()``, a (3, p) tensor.
    study : Study
    """
    parts = learner.curves_.network.contributions().detach().cpu().numpy().astype(np.float64)
    named = (dict(zip(study.covariates, map(float, part), strict=True)) for part in parts)
    return dict(zip(ROLES, named, strict=True))
