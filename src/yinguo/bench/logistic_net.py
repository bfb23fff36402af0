r"""Logistic elastic net with cross-validation, in glmnet's parametrisation: the propensity of published experiments.

With columns standardised to mean 0 and variance 1, each penalty strength minimises

.. math:: \tfrac1n \sum_i \{ \log(1 + e^{\eta_i}) - T_i \eta_i \}
          + \lambda \{ a \lVert b\rVert_1 + \tfrac{1 - a}{2} \lVert b\rVert_2^2 \}, \qquad \eta = b_0 + X b.

Each step is a Newton step of the log-likelihood on the columns in play, its penalised quadratic model solved by
:mod:`yinguo.kernels.active_set`; columns whose gradient breaks its bound come into play until none does.

It stands here and not among the kernels because no estimator of yinguo needs it: it exists so that rows of published
tables whose propensity was fitted by ``cv.glmnet`` can be run as they were.

Source
------
Friedman, Hastie & Tibshirani (2010), "Regularization paths for generalized linear models via coordinate descent",
J. Statistical Software 33(1): the parametrisation, the path (100 values down to 1e-4, or 1e-2 if p > n, of the
largest useful one), ten-fold deviance and the one-standard-error rule.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from yinguo.errors import ConvergenceError
from yinguo.kernels.active_set import FullGram, solve_penalised

__all__ = ["LogisticNet", "logistic_lasso", "logistic_net_1se"]

#: Largest change of a standardised coefficient between Newton steps that counts as none.
STEP_TOLERANCE = 1e-4
#: Newton steps between two looks at the curvature.
REFRESH = 8
#: How far a gradient may exceed its bound, in units of lambda.
BOUND_TOLERANCE = 1e-3
MAX_STEPS = 200
#: A path ends when the share of the null deviance explained exceeds this.
DEVIANCE_ENOUGH = 0.999
#: Cross-validation ends when the deviance is this many standard errors above its minimum: the rest of the path, the
#: dearest part, cannot be chosen any more.
HOPELESS = 2.0


@dataclass(frozen=True, slots=True)
class LogisticNet:
    """The fit at the strength chosen by the one-standard-error rule.

    Attributes
    ----------
    intercept : float
    coef : (p,) float array
        Of the raw columns.
    strength : float
        Chosen lambda.
    cv_mean, cv_se : (L,) float arrays
        Deviance on left-out rows and its standard error over folds, along the part of the path that was tried.
    """

    intercept: float
    coef: np.ndarray
    strength: float
    cv_mean: np.ndarray
    cv_se: np.ndarray

    def propensity(self, X) -> np.ndarray:
        """(n,) chances of treatment."""
        return expit(self.intercept + X @ self.coef)


def logistic_net_1se(*, X, T, folds, mixing: float = 0.5, n_lambdas: int = 100) -> LogisticNet:
    """Elastic-net logistic regression at the largest penalty within one standard error of the best.

    Parameters
    ----------
    X : (n, p) float array
    T : (n,) float array of 0 and 1
    folds : (n,) int array
        Fold of each row, 0..K-1.
    mixing : float in (0, 1]
        Share of the lasso penalty.
    n_lambdas : int

    Raises
    ------
    ConvergenceError
        The Newton steps do not settle.
    """
    full = _Path(X, T, mixing)
    largest = full.emptying()
    strengths = np.geomspace(largest, (1e-2 if X.shape[0] < X.shape[1] else 1e-4) * largest, n_lambdas)
    parts = [(_Path(X[folds != k], T[folds != k], mixing), folds == k) for k in range(int(folds.max()) + 1)]
    rows = np.array([out.sum() for _, out in parts], dtype=float)
    fits, mean, se = [], [], []
    for strength in strengths:
        fits.append(full.step(strength))
        losses = np.array([_deviance(part.step(strength), X[out], T[out]) for part, out in parts])
        mean.append(np.average(losses, weights=rows))
        se.append(np.sqrt(np.average((losses - mean[-1]) ** 2, weights=rows) / (len(rows) - 1)))
        best = int(np.argmin(mean))
        if mean[-1] > mean[best] + HOPELESS * se[best] or full.explained() > DEVIANCE_ENOUGH:
            break
    chosen = int(np.argmax(np.array(mean) <= mean[best] + se[best]))
    intercept, coef = fits[chosen]
    return LogisticNet(intercept, coef, float(strengths[chosen]), np.array(mean), np.array(se))


def logistic_lasso(*, X, T, share: float) -> tuple[float, np.ndarray]:
    """Intercept and coefficients at a stated share of the smallest penalty that removes every column.

    Parameters
    ----------
    X : (n, p) float array
    T : (n,) float array of 0 and 1
    share : float in (0, 1]
    """
    path = _Path(X, T, 1.0)
    return path.step(share * path.emptying())


class _Path:
    """A fit that is carried from one penalty strength to the next, smaller one."""

    def __init__(self, X, T, mixing: float) -> None:
        self.mean, scale = X.mean(axis=0), X.std(axis=0)
        self.scale = np.where(scale > 0, scale, 1.0)
        # Fortran order: columns are taken out, and products are with the transpose.
        self.Z = np.asfortranarray((X - self.mean) / self.scale)
        self.T, self.mixing = T, mixing
        self.b, self.b0 = np.zeros(X.shape[1]), float(np.log(T.mean() / (1 - T.mean())))
        self.null = _loss(np.full(len(T), self.b0), T)
        self.A = np.empty(0, dtype=np.intp)
        self.columns = self.Z[:, self.A]

    def emptying(self) -> float:
        """The smallest strength at which no column has a coefficient."""
        return float(np.abs(self.Z.T @ (self.T - self.T.mean())).max() / len(self.T) / self.mixing)

    def step(self, strength: float) -> tuple[float, np.ndarray]:
        """Intercept and coefficients of the raw columns at this strength."""
        l1, l2 = strength * self.mixing, strength * (1 - self.mixing)
        for _ in range(MAX_STEPS):
            self._settle(l1, l2)
            gradient = self.Z.T @ (self.T - expit(self._eta())) / len(self.T)
            outside = np.abs(gradient) > l1 * (1 + BOUND_TOLERANCE)
            outside[self.A] = False
            new = np.flatnonzero(outside)
            if not new.size:
                coef = self.b / self.scale
                return self.b0 - float(self.mean @ coef), coef
            self._play(np.concatenate([self.A, new]))
        raise ConvergenceError(f"the logistic elastic net found no stable set of columns at strength {strength:.3g}.")

    def explained(self) -> float:
        """Share of the null deviance that the present fit explains."""
        return 1 - _loss(self._eta(), self.T) / self.null

    def _eta(self) -> np.ndarray:
        return self.b0 + self.columns @ self.b[self.A]

    def _play(self, A) -> None:
        self.A, self.columns = A, self.Z[:, A]

    def _settle(self, l1: float, l2: float) -> None:
        """Newton steps on the columns in play until they stop moving.

        The curvature, the dear part, is taken anew only after ``REFRESH`` steps: between neighbouring penalties it
        hardly changes, and the gradient, which decides where the steps end, is always exact.
        """
        n = len(self.T)
        for count in range(MAX_STEPS):
            eta = self._eta()
            e = expit(eta)
            if count % REFRESH == 0:
                w = e * (1 - e) / n
                weighted = w @ self.columns / w.sum()
                root = (self.columns - weighted) * np.sqrt(w)[:, None]
                H = root.T @ root
            r = (self.T - e) / n
            old = self.b[self.A]
            c = H @ old + r @ self.columns - r.sum() * weighted
            new = solve_penalised(FullGram(H, c), l1=l1, l2=l2, b=old)
            shift = float(r.sum() / w.sum() - weighted @ (new - old))
            self._move(new, shift, eta, l1, l2)
            if max(np.abs(self.b[self.A] - old).max(initial=0.0), abs(shift)) < STEP_TOLERANCE:
                self._play(np.flatnonzero(self.b))
                return
        raise ConvergenceError(f"Newton steps of the logistic elastic net do not settle in {MAX_STEPS} steps.")

    def _move(self, new, shift: float, eta, l1: float, l2: float) -> None:
        """Go the whole step, or half of it, or a quarter ..., until the objective does not rise."""
        old = self.b[self.A]
        change = shift + self.columns @ (new - old)
        start = _objective(eta, self.T, old, l1, l2)
        share = 1.0
        while share > 1e-6:
            at = old + share * (new - old)
            if _objective(eta + share * change, self.T, at, l1, l2) <= start + 1e-12:
                self.b[self.A], self.b0 = at, self.b0 + share * shift
                return
            share /= 2


def _loss(eta, T) -> float:
    return float(np.mean(np.logaddexp(0.0, eta) - T * eta))


def _objective(eta, T, b, l1: float, l2: float) -> float:
    return _loss(eta, T) + l1 * float(np.abs(b).sum()) + 0.5 * l2 * float(b @ b)


def _deviance(fit: tuple[float, np.ndarray], X, T) -> float:
    # glmnet keeps fitted chances this far inside (0, 1) when it scores a left-out row.
    e = np.clip(expit(fit[0] + X @ fit[1]), 1e-5, 1 - 1e-5)
    return float(-2 * np.mean(T * np.log(e) + (1 - T) * np.log(1 - e)))
