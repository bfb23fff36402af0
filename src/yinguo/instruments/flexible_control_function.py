r"""Control function with any learners: the first-stage residual as one more covariate of a flexible outcome model.

1. Out of fold, :math:`\hat V = T - \hat E[T \mid X, Z]`, or its conditional rank :math:`\hat F(T \mid X, Z)`.
2. :math:`\hat m(t, x, v)`, the outcome given treatment, covariates and control variable, by any regressor.
3. :math:`\hat g(t, x) = \frac1K \sum_k \hat m(t, x, v_k)` over K values that stand for the distribution of V.

Nothing need be additive: with V held fixed the treatment is as good as random, and g averages over V. What it takes is
that every value of V is met at the treatments one asks about, which only instruments that move the treatment far
provide.

Source: Imbens & Newey (2009), Econometrica 77(5), for the conditional rank as control variable and the average over it;
cross-fitting keeps a row's own noise out of its control variable.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import crossfit, fit_learner, make_folds, predict_mean
from yinguo.core.diagnostic import Diagnostic
from yinguo.core.random import spawn
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.errors import DataError
from yinguo.kernels.moments import ArrayMoments, solve_gram

__all__ = ["FlexibleControlFunction", "control_ranks", "support_check"]

#: Predictions made at a time.
BLOCK = 500_000


class FlexibleControlFunction(StructuralEstimator):
    """Effect curve of a continuous treatment, from two learners and no structure but the control function.

    **Use it when** the treatment is continuous, its effect neither linear nor additive in what is unmeasured, and the
    instruments move it over much of its range. **Not when** the treatment has two values (its residual then tells the
    treatment), instruments explain little (the outcome model must then guess where nothing was seen; the check says how
    much), or an interval is needed (SeriesControlFunction has one).

    **Assumes** that given the control variable the rest of the treatment is unrelated to the noise of the outcome, and
    that the control variable is independent of instruments and covariates. The rank is made so if the spread of the
    treatment is all that varies besides its mean; the residual only if the spread does not vary either.

    **Inference**: none.

    **Where we differ from the paper or its code, and why**: the paper estimates the conditional rank by a distribution
    regression; ours is the rank of the residual over its predicted size, because any regressor can do that.

    Parameters
    ----------
    treatment_model, outcome_model : scikit-learn style regressors, optional
        First and second stage; a network of two layers of 64 units with early stopping by default. An error of the
        first stage is an error of the control variable, so it had better be good.
    control : {"residual", "rank"}
        What the second stage holds fixed.
    values : int
        Values of the control variable that stand for its distribution.
    folds : int or (n,) int array
        For the first stage.
    random_state : int, Generator or None
        Draws the folds and starts the networks.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 2000))
    >>> T = Z + U
    >>> study = yg.Study.from_arrays(np.empty((2000, 0)), T, 2 * T + U, Z=Z)
    >>> plain = {"treatment_model": LinearRegression(), "outcome_model": LinearRegression()}
    >>> bool(abs(yg.FlexibleControlFunction(**plain).fit(study).result_.estimate - 2) < 0.1)
    True
    """

    capabilities = Capabilities(
        treatment=("multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        assumes=("relevance", "exclusion", "as_if_random", "control_function", "no_interference"),
        holds=(),
        all_rows=True,
    )

    def __init__(
        self,
        *,
        treatment_model: Any = None,
        outcome_model: Any = None,
        control: str = "residual",
        values: int = 50,
        folds: Any = 5,
        random_state: Any = 0,
    ) -> None:
        self.treatment_model = treatment_model
        self.outcome_model = outcome_model
        self.control = control
        self.values = values
        self.folds = folds
        self.random_state = random_state

    def fit(self, study: Study) -> "FlexibleControlFunction":
        """Estimate on a study; see :class:`FlexibleControlFunction`."""
        Y, T, X, Z = self.take_roles(study)
        if self.control not in ("residual", "rank"):
            raise DataError(f"control is {self.control!r}; it must be 'residual' or 'rank'.")
        if self.values < 2:
            raise DataError(f"values is {self.values}; an average over a distribution needs at least 2.")
        for_folds, *for_nets = spawn(self.random_state, 3)
        first, second = (
            _network(seed) if model is None else model
            for model, seed in zip((self.treatment_model, self.outcome_model), for_nets, strict=True)
        )
        folds, exogenous = make_folds(self.folds, T, for_folds), np.column_stack([X, Z])
        V = T - crossfit(first, exogenous, T, folds)
        explained = 1 - float(V.var() / T.var())
        if self.control == "rank":
            V = control_ranks(V, crossfit(first, exogenous, np.abs(V), folds))
        if not np.ptp(V) > 1e-8 * np.ptp(T):
            raise DataError("covariates and instruments determine the treatment; there is nothing left to control for.")
        self.__dict__["outcome_fit_"] = fit_learner(second, np.column_stack([T, X, V]), Y)
        values = np.quantile(V, (np.arange(self.values) + 0.5) / self.values)
        self.__dict__["control_values_"] = values
        self.result_ = self.average_effect(
            study,
            no_inference="no theory for plugged-in learners; SeriesControlFunction has an interval.",
            checks=(first_stage_check, support_check(T, X, V, values)),
            extras={"first_stage_r2": explained},
        )
        return self

    def _structure(self, X, T) -> np.ndarray:
        values, fitted = self.__dict__["control_values_"], self.__dict__["outcome_fit_"]
        K, out = len(values), np.empty(len(T))
        for a in range(0, len(T), max(1, BLOCK // K)):
            rows = slice(a, a + max(1, BLOCK // K))
            t, x = np.repeat(T[rows], K), np.repeat(X[rows], K, axis=0)
            v = np.tile(values, len(T[rows]))
            out[rows] = predict_mean(fitted, np.column_stack([t, x, v])).reshape(-1, K).mean(axis=1)
        return out


def control_ranks(V, size) -> np.ndarray:
    """(n,) ranks in (0, 1) of residuals over their predicted size.

    Parameters
    ----------
    V : (n,) float array
        Residuals of the treatment.
    size : (n,) float array
        Their predicted absolute value; where a learner predicts less than a hundredth of the average, that much.

    Source
    ------
    Imbens & Newey (2009), Econometrica 77(5), for the rank; taking it of a standardised residual assumes that location
    and spread are all that instruments and covariates change.
    """
    scaled = V / np.maximum(size, 0.01 * np.abs(V).mean())
    order = np.argsort(scaled, kind="stable")
    ranks = np.empty(len(V))
    ranks[order] = (np.arange(len(V)) + 0.5) / len(V)
    return ranks


def support_check(T, X, V, values):
    """A check of how much of the average rests on pairs of treatment and control variable that were never seen.

    Parameters
    ----------
    T, V : (n,) float arrays
        Treatment and control variable.
    X : (n, p) float array
        Covariates. What they say of the treatment, linearly, is taken out: they are held fixed too, so only instruments
        bring treatments and values of the control variable together.
    values : (k,) float array
        Values of the control variable that are averaged over.

    Source
    ------
    Imbens & Newey (2009), Econometrica 77(5), for the support that the average needs.
    """
    moments = ArrayMoments(X)
    A, b = moments.grams(T)
    net = T - moments.apply(solve_gram(A[0], b[0], intercept=True))
    edges = np.unique(np.quantile(net, np.arange(1, 10) / 10))
    cell = np.searchsorted(edges, net)
    missing = [
        np.mean((values < V[cell == k].min()) | (values > V[cell == k].max())) for k in range(len(edges) + 1)
        if (cell == k).any()
    ]  # fmt: skip
    share = float(np.mean(missing))

    def check(result) -> Diagnostic:
        verdict = "ok" if share <= 0.1 else "look" if share <= 0.3 else "stop"
        sentence = (
            f"{share:.0%} of the curve is an average over values of the control variable never met at such "
            f"values of {result.treatment}, given the covariates: there the outcome model guesses."
        )
        return Diagnostic("control-support", share, "at most 10 %", verdict, sentence)

    return check


def _network(seed: np.random.SeedSequence) -> Any:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    net = MLPRegressor(
        hidden_layer_sizes=(64, 64), early_stopping=True, n_iter_no_change=20, learning_rate_init=3e-3, max_iter=1000,
        random_state=int(seed.generate_state(1)[0]),
    )  # fmt: skip
    return TransformedTargetRegressor(make_pipeline(StandardScaler(), net), transformer=StandardScaler())
