r"""Kernel instrumental variable regression: two-stage least squares with kernels in place of columns.

The structural function lies in the space of a Gaussian kernel, :math:`g(t, x) = c^\top \phi(t, x)`, with as many
features :math:`\phi` as the kernel needs. On one part of the rows a ridge regression predicts these features from those
of instruments and covariates, :math:`\psi(z, x)`; on the other part a second ridge regression fits the outcome with the
predicted features in place of the real ones (see :mod:`yinguo.kernels.two_stage_ridge`). Each penalty is chosen on the
rows that did not fit: the first by the error of the predicted features, the second by the error of the outcome.

With :math:`K_{ZZ}, K_{XX}` the kernel matrices of the first part and a tilde for the second, this is the published

.. math:: \gamma = (K_{ZZ} + n \lambda I)^{-1} K_{Z \tilde Z}, \quad W = K_{XX} \gamma, \quad
   \alpha = (W W^\top + m \xi K_{XX})^{-1} W \tilde Y, \quad g(x) = K_{x X} \alpha .

Factoring :math:`K = \Phi \Phi^\top` and putting :math:`c = \Phi^\top \alpha` gives the two ridge regressions, without
the division by the nearly singular :math:`K_{XX}`, and each penalty path then costs one eigendecomposition.

Source: Singh, Sahani & Gretton (2019), Kernel instrumental variable regression, NeurIPS 32.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.errors import DataError
from yinguo.instruments.kernel_parts import at_the_edge, curve_values, kernel_features, tried
from yinguo.kernels.two_stage_ridge import first_stage_path, second_stage_path, stage_moments

__all__ = ["KernelIV"]


class KernelIV(StructuralEstimator):
    """Kernel instrumental variable regression (KIV).

    **Use it when** the effect may bend and vary with a few covariates, and there are some hundred rows or more.
    **Not when** there are many covariates that matter little: every one weakens the kernel. Nor when a line will do:
    two-stage least squares then has a standard error, which this has not.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart.

    **Where we differ from the paper or its code, and why**: the outcome is centred first (``centre_outcome=False``
    does not), so that the curve shrinks towards the mean outcome and adding a constant to the outcome adds it to the
    curve. Where most pairs of rows are tied in a column its bandwidth is the median of the distances that are not 0;
    the published rule divides by 0 there. The kernel matrices are factored to rounding instead of being given a ridge
    of 1e-10. Penalties come from a grid, not from a local search; where the error that judges the second has several
    minima, the one at the largest penalty counts. That judge is, as in the paper, the outcome at treatments that are
    confounded: it favours too much smoothing and draws average slopes towards the confounded one, by less the more
    rows there are. ``stage2_penalty`` sets the penalty by hand.

    Parameters
    ----------
    bandwidth : {"per-column", "joint"}
        The median distance in each column (the authors' programme; rescaling a column changes nothing), or one
        bandwidth for all columns as they are, exp(-d^2 / median d^2) (later programmes).
    stage1_penalty, stage2_penalty : float or sequence of float, optional
        Ridge penalties of the two stages, per row; of several the best on the other part of the rows. None tries 50
        from 1e-2 to 1e-10.
    centre_outcome : bool
        Take the mean from the outcome first.
    approximation : {None, "nystrom", "random-features"}
        None is exact, for up to 20,000 rows in the first stage. ``"nystrom"`` keeps the kernel with ``centres`` rows
        that explain the others best, ``"random-features"`` draws that many waves.
    centres : int
        Size of the approximation.
    split : float in (0, 1) or (n,) bool array
        Share of the rows that the first stage learns from, drawn at random, or those rows themselves.
    random_state : int, Generator or None
        Split and approximation.

    Examples
    --------
    Regression of the outcome on the treatment is 1 off.

    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U, noise = rng.normal(size=(3, 1000))
    >>> T = Z + U
    >>> study = yg.Study.from_arrays(np.empty((1000, 0)), T, np.sin(T) - U + 0.1 * noise, Z=Z)
    >>> curve = yg.KernelIV().fit(study)
    >>> bool(abs(curve.effect(None, [-1.0], [1.0])[0] - 2 * np.sin(1.0)) < 0.6)
    True
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        assumes=("relevance", "exclusion", "as_if_random", "additive_noise", "complete", "no_interference"),
        holds=("outcome_affine", "label_swap", "covariate_scale"),
        all_rows=True,
    )
    name = "kernel-iv"

    def __init__(
        self,
        *,
        bandwidth: str = "per-column",
        stage1_penalty: float | Sequence[float] | None = None,
        stage2_penalty: float | Sequence[float] | None = None,
        centre_outcome: bool = True,
        approximation: str | None = None,
        centres: int = 1000,
        split: Any = 0.5,
        random_state: Any = 0,
    ) -> None:
        self.bandwidth = bandwidth
        self.stage1_penalty = stage1_penalty
        self.stage2_penalty = stage2_penalty
        self.centre_outcome = centre_outcome
        self.approximation = approximation
        self.centres = centres
        self.split = split
        self.random_state = random_state

    def fit(self, study: Study) -> "KernelIV":
        """Estimate on a study; see :class:`KernelIV`."""
        Y, T, X, Z = self.take_roles(study)
        paths = {name: tried(getattr(self, name), name) for name in ("stage1_penalty", "stage2_penalty")}
        rng = as_rng(self.random_state)
        first, second = stage_rows(self.split, study.n, rng)
        self.level_ = float(Y.mean()) if self.centre_outcome else 0.0
        ZX, TX, Y = np.column_stack([Z, X]), np.column_stack([T, X]), Y - self.level_
        psi, phi = (kernel_features(self, rows[first], rng) for rows in (ZX, TX))
        one, two = (stage_moments(psi.transform, phi.transform, ZX[h], TX[h], Y[h]) for h in (first, second))
        stage1 = first_stage_path(one, two, paths["stage1_penalty"])
        stage2 = second_stage_path(stage1.coefficients, one, two, paths["stage2_penalty"])
        self.features_, self.coefficients_ = phi, stage2.coefficients
        self.penalties_ = (stage1.penalty, stage2.penalty)
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for a curve with penalties chosen from the data; bootstrap it.",
            checks=(first_stage_check,),
            notes=tuple(
                remark
                for (name, path), best in zip(paths.items(), self.penalties_, strict=True)
                for remark in at_the_edge(name, best, path)
            ),
            extras={
                "stage1_penalty": stage1.penalty,
                "stage2_penalty": stage2.penalty,
                "instrument_features": psi.size,
                "treatment_features": phi.size,
            },
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return curve_values(self.features_.transform, self.coefficients_, self.level_, X, T)


def stage_rows(split: Any, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the two stages.

    Parameters
    ----------
    split : float in (0, 1) or (n,) bool array
        Share of the first stage, drawn at random, or its rows.
    n : int
    rng : Generator

    Returns
    -------
    first, second : int arrays, together all rows
    """
    if np.ndim(split) == 0:
        if not 0 < split < 1:
            raise DataError(f"split is {split!r}; it must lie between 0 and 1, or mark the rows of the first stage.")
        order = rng.permutation(n)
        size = min(max(round(split * n), 1), n - 1)
        return order[:size], order[size:]
    marked = np.asarray(split)
    if marked.shape != (n,) or marked.dtype != bool or marked.all() or not marked.any():
        raise DataError(
            f"split has shape {marked.shape} and type {marked.dtype}; it must be a number or one bool for each of the "
            f"{n} rows, some true and some false."
        )
    return np.flatnonzero(marked), np.flatnonzero(~marked)
