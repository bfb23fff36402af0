r"""Hidden confounding and selection by the outcome at once, with one instrument for both.

1. The treatment is regressed on covariates and instruments over all rows, each row predicted from other folds and the
   predictions recalibrated; the residual R carries what the hidden cause
   has done to it. A combination :math:`\phi` of the instruments that bears on who is seen but not on the treatment is
   set aside.
2. Given covariates, treatment and :math:`\phi`, the residual has to do with the outcome and, through it alone, with who
   is seen: it is a shadow variable, and
   :math:`E[h(x, t, \phi, R)\,(S / Q(X, T, \phi, Y) - 1)] = 0` gives the chance Q of being seen.
3. The outcome is regressed, with weights 1/Q, on treatment and covariates, R and :math:`\phi`. R stands in for the
   hidden cause (control function), the weights for those who are not seen.

.. math:: g(t, x) = \psi(x)^\top (\beta_0 + \beta_1 t), \qquad E[Y \mid x, t, R, \phi] = g(t, x) + \gamma_1 R
   + \gamma_2^\top \phi,

with features :math:`\psi` of a Gaussian kernel.

Source: Li, Wu, Xiong & Kuang (2024), "Two-stage shadow inclusion estimation: an IV approach for causal inference under
latent confounding and collider bias", ICML, PMLR 235, and the authors' published programme.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.errors import ConvergenceError, DataError
from yinguo.kernels.glm import fit_binary
from yinguo.kernels.moments import ArrayMoments
from yinguo.selection.feature_ridge import FeatureMap, ridge_by_folds
from yinguo.selection.shadow_checks import relevance_check, relevance_test, shadow_check, shadow_extras
from yinguo.selection.shadow_odds_models import logistic_odds, seen_parts

__all__ = ["VARIANTS", "TwoStageShadowInclusion"]

VARIANTS = ("moment", "paper")

NO_INFERENCE = "no standard error is known for a curve with penalties chosen from the data; bootstrap it."


class TwoStageShadowInclusion(StructuralEstimator):
    """Two-stage shadow inclusion (2SSI): an instrument against hidden confounding and selection by the outcome.

    **Use it when** there is an instrument, the treatment is confounded by something not measured, and who is seen
    depends on the outcome. **Not when** one of the two biases is absent: a method for the other alone rests on less.
    Compare ``weighted=False``, the control function on those seen, first: where covariates, treatment and residual
    leave little of the outcome unexplained, selection by the outcome hardly biases it and the weights add noise only.

    **Assumes** a relevant instrument that reaches outcome and selection through the treatment alone (but for one
    combination of several instruments, :math:`\\phi`), a hidden cause that enters treatment and outcome additively with
    the outcome linear in the residual, and a chance of being seen that is logistic in covariates, treatment and
    outcome and 0 for nobody. With one instrument there is no :math:`\\phi`: given covariates and treatment the residual
    is the instrument itself, so that no part of it can be set aside.

    **Where we differ from the paper or its code, and why**: the moment form solves the moments for Q; the authors take
    the ratio of the mean residual of those not seen and of those seen, which is no density ratio, can be negative, and
    is not a function of the residual. Its features are a kernel's and not a network's, so that both stages are ridge
    regressions with penalties chosen on folds left out, and the prediction of the treatment is recalibrated.
    :math:`\\phi` is the combination of the instruments that says most of who is seen among those uncorrelated with the
    treatment, where the authors penalise a network for what it tells of it.

    The paper's form follows the authors' programme in its networks, turns, steps and learning rate, with these
    departures: columns are standardised and penalties are per row; the network that bounds what :math:`\\phi` tells of
    the treatment has 16 hidden units where theirs has one, which leaves the constraint without force, and is kept
    through all rounds, with steps of its own before those of :math:`\\phi`, where theirs is made anew; the weight decay
    of the covariate network, nothing against their sums of squares, is left out, and so is a term without gradient; the
    ratio is kept between 0 and 10. Kept as they are, and wrong in theory: that ratio itself, and one value of the odds
    ratio in place of its mean. On its own design it meets the printed error on units not selected (1.2) and not that on
    the selected (0.9 to 1.0, printed 0.15): the penalty leaves the residual almost no part in the outcome. Use it to
    repeat the paper, and the moment form for answers.

    In both, the curve is evaluated at residual and :math:`\\phi` of 0, their means; the authors' programme knows the
    instruments of the points it predicts, and takes :math:`\\phi` from the wrong columns there.

    Parameters
    ----------
    variant : {"moment", "paper"}
    weighted : bool
        Moment form: weigh those seen by 1/Q. Without, it is the control function (2SRI) on those seen.
    treatment_features : {"linear", "kernel"}
        Moment form: g linear in the treatment with an intercept and slope that vary with the covariates (as in the
        authors' programme), or a kernel of treatment and covariates together, which cannot extrapolate.
    centres : int
        Moment form: features of the covariates, and of instruments and covariates.
    folds : int or (n,) int array
        Moment form: to choose the two penalties, and for the predictions of the treatment.
    epochs : int
        Paper's form: rounds of turns.
    inner_steps : int
        Steps of every network in a round, but one for that of the treatment.
    odds_epochs : int
        Steps of each network after the rounds.
    learning_rate : float
        Of Adam, for all networks.
    stage1_penalty, stage2_penalty : float
        Ridge penalties of the two stages, per row.
    independence_strength : float
        Of the bound on what phi tells of the treatment.
    club_width : int
        Hidden units of the network behind that bound.
    odds_penalty : float
        On the square of the odds.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Folds, rows that features are taken from; first weights.

    Examples
    --------
    Least squares on those seen gives 2.2.

    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X, Z, U, V = rng.normal(size=(4, 4000))
    >>> T = Z + U
    >>> Y = 2 * T + X + U + 2 * V
    >>> S = (rng.random(4000) < 1 / (1 + np.exp(1.5 * T - Y))) * 1.0
    >>> study = yg.Study.from_arrays(X, T, np.where(S == 1, Y, np.nan), Z=Z, S=S)
    >>> found = yg.TwoStageShadowInclusion(centres=20).fit(study)
    >>> bool(abs(found.result_.estimate - 2) < 0.15)
    True
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("selection", "instruments"),
        assumes=("relevance", "exclusion", "as_if_random", "additive_noise", "shadow", "seen_by_chance",
                 "no_interference"),
        holds=("outcome_affine",),
        all_rows=True,
    )  # fmt: skip
    name = "2ssi"

    def __init__(
        self,
        *,
        variant: str = "moment",
        weighted: bool = True,
        treatment_features: str = "linear",
        centres: int = 100,
        folds: Any = 5,
        epochs: int = 100,
        inner_steps: int = 20,
        odds_epochs: int = 100,
        learning_rate: float = 1e-3,
        stage1_penalty: float = 0.1,
        stage2_penalty: float = 0.1,
        independence_strength: float = 0.1,
        club_width: int = 16,
        odds_penalty: float = 0.1,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.variant = variant
        self.weighted = weighted
        self.treatment_features = treatment_features
        self.centres = centres
        self.folds = folds
        self.epochs = epochs
        self.inner_steps = inner_steps
        self.odds_epochs = odds_epochs
        self.learning_rate = learning_rate
        self.stage1_penalty = stage1_penalty
        self.stage2_penalty = stage2_penalty
        self.independence_strength = independence_strength
        self.club_width = club_width
        self.odds_penalty = odds_penalty
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "TwoStageShadowInclusion":
        """Estimate on a study; see :class:`TwoStageShadowInclusion`."""
        _, T, X, Z = self.take_roles(study)
        self.__dict__.pop("curve_", None)
        if self.variant not in VARIANTS:
            raise DataError(f"variant is {self.variant!r}; it must be one of {VARIANTS}.")
        return self._fit_moments(study, T, X, Z) if self.variant == "moment" else self._fit_networks(study, T, X, Z)

    def _fit_moments(self, study: Study, T, X, Z) -> "TwoStageShadowInclusion":
        if self.treatment_features not in ("linear", "kernel"):
            raise DataError(f"treatment_features is {self.treatment_features!r}; it must be 'linear' or 'kernel'.")
        rng = as_rng(self.random_state)
        folds = make_folds(self.folds, T, rng)
        R, first_map = self._residual(T, X, Z, folds, rng)
        phi = spare_direction(Z, X, T, np.asarray(study.S))
        seen = seen_parts(study, X=np.column_stack([X, phi]), V=R[:, None])
        extras: dict[str, Any] = {"residual": R, "phi": phi, "first_stage": first_map}
        checks: tuple[Any, ...] = (first_stage_check,)
        weights = np.ones(study.n)
        if self.weighted:
            try:
                odds = logistic_odds(seen)
            except ConvergenceError as error:
                raise ConvergenceError(f"{error} weighted=False leaves the selection model out.") from error
            weights = seen.a * (1 + odds.w)
            extras |= shadow_extras(seen, odds, relevance_test(seen))
            checks = (first_stage_check, relevance_check, shadow_check)
        self._learn(seen, R, phi, weights, folds, rng)
        self.result_ = self.average_effect(study, no_inference=NO_INFERENCE, checks=checks, extras=extras)
        return self

    def _fit_networks(self, study: Study, T, X, Z) -> "TwoStageShadowInclusion":
        from yinguo.selection.networks.two_stage_shadow_inclusion import train  # PyTorch is loaded when it is needed

        self.curve_, R, phi = train(self, study, X, T, Z, as_rng(self.random_state))
        self.history_ = self.curve_.history
        self.result_ = self.average_effect(
            study,
            no_inference="the paper's form has no theory for an interval; bootstrap it.",
            checks=(first_stage_check,),
            extras={"residual": R, "phi": phi},
        )
        return self

    def _residual(self, T, X, Z, folds, rng) -> tuple[np.ndarray, str]:
        """What instruments and covariates leave of the treatment, and which features predicted it better."""
        P, z = FeatureMap(X, max(1, self.centres // 2), rng)(X), (Z - Z.mean(axis=0)) / Z.std(axis=0)
        ZX = np.column_stack([Z, X])
        maps = {
            "linear in the instruments": np.column_stack([P, *(P * z[:, [j]] for j in range(z.shape[1]))]),
            "kernel": FeatureMap(ZX, self.centres, rng)(ZX),
        }
        size = float(T.std())
        fits = {name: ridge_by_folds(F, (T - T.mean()) / size, np.ones(len(T)), folds) for name, F in maps.items()}
        best = min(fits, key=lambda name: fits[name].loss)
        r = fits[best].left_out - fits[best].left_out.mean()
        # A ridge regression predicts too little, and the residual then holds part of the prediction, which would be
        # taken for the hidden cause: the slope of the treatment on its prediction puts that right.
        slope = float(r @ T) / float(r @ r) if r.any() else 0.0
        return T - T.mean() - slope * r, best

    def _learn(self, seen, R, phi, weights, folds, rng) -> None:
        """The weighted regression of the last step."""
        X, T, rows = seen.X[:, : seen.X.shape[1] - phi.shape[1]], seen.T, seen.rows
        self.linear_ = self.treatment_features == "linear"
        self.features_ = FeatureMap(X if self.linear_ else np.column_stack([T, X]), self.centres, rng)
        self.centre_, self.spread_ = float(T.mean()), float(T.std()) or 1.0
        more = np.column_stack([R, phi])
        scale = more.std(axis=0)
        more = more / np.where(scale > 0, scale, 1.0)
        self.level_, self.size_ = float(seen.Y[rows].mean()), float(seen.Y[rows].std()) or 1.0
        columns = np.column_stack([self._columns(X, T), more])
        y = (seen.Y - self.level_) / self.size_
        used = np.unique(folds[rows], return_inverse=True)[1]
        fit = ridge_by_folds(columns[rows], y[rows], weights[rows] / weights[rows].mean(), used)
        # R and phi have mean 0 over all rows, so that their part vanishes from the average over them.
        self.coefficients_, self.penalty_ = fit.coefficients[: columns.shape[1] - more.shape[1]], fit.penalty

    def _columns(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        if not self.linear_:
            return self.features_(np.column_stack([T, X]))
        P = self.features_(X)
        return np.column_stack([P, P * ((T - self.centre_) / self.spread_)[:, None]])

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        if self.variant == "paper":
            return self.curve_(X, T)
        return self.level_ + self.size_ * (self._columns(X, T) @ self.coefficients_)


def spare_direction(Z: np.ndarray, X: np.ndarray, T: np.ndarray, S: np.ndarray) -> np.ndarray:
    """The combination of the instruments that says most of who is seen and is uncorrelated with the treatment.

    Parameters
    ----------
    Z, X : (n, q) and (n, p) float arrays
    T, S : (n,) float arrays

    Returns
    -------
    (n, 1) float array with mean 0, or (n, 0) where there is one instrument or none says more of who is seen
    """
    n, q = Z.shape
    if q < 2:
        return np.empty((n, 0))
    moments = ArrayMoments(np.column_stack([Z, X, T]))
    try:
        gamma = fit_binary(moments, S).beta[1 : 1 + q]
    except ConvergenceError:
        return np.empty((n, 0))
    inside = moments.D[:, 1 : 1 + q]
    base = np.column_stack([np.ones(n), moments.D[:, 1 + q : -1]])
    net = inside - base @ np.linalg.lstsq(base, inside, rcond=None)[0]
    covariance = net.T @ net / n
    pull = np.linalg.lstsq(net, T - T.mean(), rcond=None)[0]
    size = float(pull @ covariance @ pull)
    if size > 0:
        gamma = gamma - pull * float(pull @ covariance @ gamma) / size
    phi = net @ gamma
    return phi[:, None] / phi.std() if phi.std() > 1e-8 else np.empty((n, 0))
