r"""N-D2VD: variable decomposition when propensity and outcome bend.

As :mod:`yinguo.confounding.d2vd`, with every covariate replaced by a natural cubic spline of itself. The penalties and
the coupling act on the group of columns of a covariate, so that it is as a whole a confounder, an adjustment variable
or neither:

.. math:: \kappa \sum_k \lVert\alpha_k\rVert^2 \lVert\beta_k\rVert^2 + \sum_k \sqrt{d_k}\,
          (\lambda_\alpha\lVert\alpha_k\rVert + \lambda_\beta\lVert\beta_k\rVert + \lambda_\gamma\lVert\gamma_k\rVert).

Kuang, Cui, Zou, Li, Tao, Wu & Yang (2022), IEEE TKDE 34(5), name a non-linear form; its details were not available to
us, so the splines and the group penalties are ours.
"""

from typing import Any

import numpy as np

from yinguo.confounding.d2vd import check_options, decomposed_effect, result_parts
from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.estimator import Estimator
from yinguo.core.study import Study
from yinguo.kernels.spline_basis import spline_groups

__all__ = ["ND2VD"]


class ND2VD(Estimator):
    """D2VD with additive smooth functions of the covariates in place of linear ones.

    **Use it when** the separation of confounders and adjustment variables is wanted and they may act through bends,
    thresholds or both tails. **Not when** the sample is small (every covariate costs several coefficients), when
    covariates act through products, or when you need an interval.

    **Assumes** what D2VD assumes, with a log odds of treatment that is a sum of smooth functions.

    **Inference**: none that allows for the choice of variables, hence no standard error.

    **Where we differ**: the published non-linear form could not be read; see the module's text. Everything else as
    in ``D2VD``. With ``knots=2`` it is ``D2VD``.

    Parameters
    ----------
    knots : int, at least 2
        Knots of each covariate's spline, at quantiles; covariates of few values get fewer.
    outcome_penalty, treatment_penalty, effect_penalty : float in (0, 1], optional
        As in ``D2VD``.
    propensity_strength : float
        As in ``D2VD``.
    clip : float in (0, 0.5)
        A chance of the treatment received below this counts as this.
    folds : int or (n,) int array
        For choosing penalties.
    max_iter : int
        Iterations at each strength of the coupling between the two parts.
    random_state : int, Generator or None
        Draws the folds.

    Examples
    --------
    >>> import yinguo as yg
    >>> draw = yg.datasets.d2vd_design(n=800, p=8, confounders=2, adjusters=2, form="nonlinear")
    >>> yg.ND2VD().fit(draw.study).result_.extras["confounders"]
    ('x1', 'x2')
    """

    capabilities = Capabilities(
        estimands=("ATE",),
        inference="none",
        assumes=("unconfounded", "overlap", "separateness", "propensity_model", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_scale"),
        all_rows=True,
    )

    def __init__(
        self,
        *,
        knots: int = 4,
        outcome_penalty: float | None = None,
        treatment_penalty: float | None = None,
        effect_penalty: float | None = None,
        propensity_strength: float = 100.0,
        clip: float = 0.01,
        folds: Any = 3,
        max_iter: int = 1000,
        random_state: Any = 0,
    ) -> None:
        self.knots = knots
        self.outcome_penalty = outcome_penalty
        self.treatment_penalty = treatment_penalty
        self.effect_penalty = effect_penalty
        self.propensity_strength = propensity_strength
        self.clip = clip
        self.folds = folds
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, study: Study) -> "ND2VD":
        """Estimate on a study; see :class:`ND2VD`."""
        Y, T, X = self.take(study)
        check_options(self)
        B, groups = spline_groups(np.ascontiguousarray(X), self.knots)
        fitted = decomposed_effect(
            B=B, groups=groups, T=T, Y=Y,
            folds=make_folds(self.folds, T, self.random_state),
            penalties=(self.outcome_penalty, self.treatment_penalty, self.effect_penalty),
            propensity_strength=self.propensity_strength, clip=self.clip, max_iter=self.max_iter,
        )  # fmt: skip
        self.result_ = self.make_result(study, fitted.estimate, **result_parts(fitted, study, self.clip))
        return self
