r"""Adversarial generalised method of moments with kernels: the closed form of the minimax game.

A curve h is judged by the function of the instruments that its residuals are most in line with,

.. math:: \min_h \max_f\; \frac1n \sum_i (Y_i - h(T_i, X_i))\, f(Z_i, X_i) - \frac{1}{n} \sum_i f(Z_i, X_i)^2
   - \delta^2 \|f\|^2 + \frac{\alpha}{n^2} \|h\|^2 ,

up to constant factors. Over Gaussian kernels with matrices :math:`K_h` and :math:`K_f` both are ridge regressions:

.. math:: M = K_f \Bigl(\frac{K_f}{2 n \delta^2} + \frac{I}{2}\Bigr)^{-1}, \qquad
   a = (K_h M K_h + \alpha K_h)^{+} K_h M Y, \qquad \delta = 5 / n^{0.4} .

:math:`\alpha` is a multiple of :math:`\delta^4` chosen by cross-validation: the other folds' curve, judged by what an
adversary gains from its residuals on this fold.

Source: Dikkala, Lewis, Mackey & Syrgkanis (2020), Minimax estimation of conditional moment models, NeurIPS 33; scales
and cross-validation as in the authors' class ``RKHSIVCV``.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.random import as_rng, spawn
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.instruments.kernel_parts import at_the_edge, curve_values, kernel_features, tried
from yinguo.kernels.minimax_ridge import choose_minimax
from yinguo.kernels.two_stage_ridge import stage_moments

__all__ = ["KernelAGMM"]

#: Multiples of delta^4 tried where none is given.
SCALES = np.geomspace(0.1, 1e4, 30)


class KernelAGMM(StructuralEstimator):
    """Adversarial generalised method of moments over Gaussian kernels.

    **Use it when** you would use KernelIV, and as the closed-form check of the network version, AGMM. **Not when**
    there are many covariates that matter little, or a line will do and you want a standard error.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart.

    **Where we differ from the paper or its code, and why**: bandwidths are medians, where the programme has one number
    for all data (gamma = 2, columns as they come). Its cross-validation takes rows and columns of the square root of
    the kernel matrix for the square root of those rows and columns, which is another matrix; no root is needed here.
    The outcome is centred. Covariates are on both sides. DualIV without the outcome in its dual solves the same
    equations; only the way to the penalties differs.

    Parameters
    ----------
    delta_scale, delta_exponent : float
        The critical radius is ``delta_scale / n ** delta_exponent``.
    penalty_scale : float or sequence of float, optional
        Penalty of the curve over the fourth power of the radius; of several the best on rows left out. None tries 30
        from 0.1 to 10,000.
    bandwidth : {"per-column", "joint"}
        The median distance in each column, or one bandwidth for all columns as they are.
    approximation : {None, "nystrom", "random-features"}
        None is exact, for up to 20,000 rows. ``"nystrom"`` keeps the kernel with ``centres`` rows that explain the
        others best, ``"random-features"`` draws that many waves.
    centres : int
        Size of the approximation.
    folds : int or (n,) int array
        How many folds choose the penalty, or the fold of every row.
    random_state : int, Generator or None
        Folds and approximation.

    Examples
    --------
    Regression of the outcome on the treatment is 1 off.

    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U, noise = rng.normal(size=(3, 1000))
    >>> T = Z + U
    >>> study = yg.Study.from_arrays(np.empty((1000, 0)), T, np.sin(T) - U + 0.1 * noise, Z=Z)
    >>> curve = yg.KernelAGMM().fit(study)
    >>> bool(abs(curve.effect(None, [-1.0], [1.0])[0] - 2 * np.sin(1.0)) < 0.3)
    True
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        assumes=("relevance", "exclusion", "as_if_random", "additive_noise", "complete", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_scale"),
        all_rows=True,
    )
    name = "kernel-agmm"

    def __init__(
        self,
        *,
        delta_scale: float = 5.0,
        delta_exponent: float = 0.4,
        penalty_scale: Any = None,
        bandwidth: str = "per-column",
        approximation: str | None = None,
        centres: int = 1000,
        folds: Any = 6,
        random_state: Any = 0,
    ) -> None:
        self.delta_scale = delta_scale
        self.delta_exponent = delta_exponent
        self.penalty_scale = penalty_scale
        self.bandwidth = bandwidth
        self.approximation = approximation
        self.centres = centres
        self.folds = folds
        self.random_state = random_state

    def fit(self, study: Study) -> "KernelAGMM":
        """Estimate on a study; see :class:`KernelAGMM`."""
        Y, T, X, Z = self.take_roles(study)
        scales = tried(SCALES if self.penalty_scale is None else self.penalty_scale, "penalty_scale")
        seeds = spawn(self.random_state, 2)
        folds, rng = make_folds(self.folds, T, seeds[0]), as_rng(seeds[1])
        self.level_ = float(Y.mean())
        Y, TX, ZX = Y - self.level_, np.column_stack([T, X]), np.column_stack([Z, X])
        psi, phi = (kernel_features(self, rows, rng) for rows in (ZX, TX))
        parts = [
            stage_moments(psi.transform, phi.transform, ZX[rows], TX[rows], Y[rows])
            for rows in (np.flatnonzero(folds == k) for k in range(int(folds.max()) + 1))
        ]

        def smoothing(n: int) -> float:
            return (self.delta_scale / n**self.delta_exponent) ** 2

        # M is 2 n delta^2 times the smoother of a ridge of delta^2 per row, so alpha = scale delta^4 becomes, per row:
        chosen = choose_minimax(parts, smoothing, lambda n: scales * smoothing(n) / (2 * n * n))
        scale = chosen.penalty * 2 * study.n**2 / smoothing(study.n)
        self.features_, self.coefficients_ = phi, chosen.coefficients
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for a curve with a penalty chosen from the data; bootstrap it.",
            checks=(first_stage_check,),
            notes=at_the_edge("penalty_scale", float(scales[np.argmin(chosen.losses)]), scales),
            extras={
                "delta": smoothing(study.n) ** 0.5,
                "penalty_scale": scale,
                "instrument_features": psi.size,
                "treatment_features": phi.size,
            },
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return curve_values(self.features_.transform, self.coefficients_, self.level_, X, T)
