r"""Dual instrumental variable regression: one ridge regression against an opponent instead of two in a row.

The squared distance of a curve f from solving :math:`E[Y - f(T, X) \mid Z, X] = 0` is, up to a factor, the best that
an opponent u can do in

.. math:: \min_f \max_u\; E[(f(T, X) - Y)\, u] - \tfrac12 E[u^2] + \tfrac{\lambda_2}{2} \|f\|^2
   - \tfrac{\lambda_1}{2} \|u\|^2 ,

so that no first stage has to be fitted. With f and u in the spaces of Gaussian kernels with matrices K and L both are
solved for in closed form:

.. math:: M = K (L + n \lambda_1 I)^{-1} L, \qquad (M K + n \lambda_2 K)\,\beta = M Y, \qquad f = \sum_i \beta_i
   k(\cdot, (t_i, x_i)) .

**What u may depend on decides what is estimated.** The paper lets u depend on the outcome as well, L = (y, z). The
inner maximum is then :math:`\tfrac12 E[(E[f(T, X) - Y \mid Y, Z])^2]`. The paper's derivation takes
:math:`E[f \mid Y, Z]` to be :math:`E[f \mid Z]`, which holds only where treatment and outcome share no hidden cause
given the instrument, that is where no instrument is needed. With T = Z + U and Y = T + U, for one, Y and Z together
determine T, and the minimum is the confounded regression. With u a function of instruments and covariates it is the
curve. That is the default here; ``outcome_in_dual=True`` is the paper.

Source: Muandet, Mehrjou, Lee & Raj (2020), Dual instrumental variable regression, NeurIPS 33; closed form checked
against the function ``dualiv`` of the authors' programme.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.random import as_rng, spawn
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.instruments.kernel_parts import at_the_edge, curve_values, kernel_features, tried
from yinguo.kernels.minimax_ridge import choose_minimax, together
from yinguo.kernels.two_stage_ridge import first_stage_path, stage_moments

__all__ = ["DualIV"]

#: Penalties per row tried where none is given.
PENALTIES = np.logspace(-1, -10, 37)


class DualIV(StructuralEstimator):
    """Dual instrumental variable regression with Gaussian kernels.

    **Use it when** you would use KernelIV: all rows serve both stages here, which helps most where they are few.
    **Not when** there are many covariates that matter little, or a line will do and you want a standard error.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart.

    **Where we differ from the paper or its code, and why**: the opponent sees instruments and covariates, not the
    outcome, because with the outcome the answer is the confounded one (see the module); the covariates, which the paper
    leaves out there, are on both sides; kernels are products over columns with the median bandwidth of each, where the
    programme uses an indefinite form for outcome and instrument; the outcome is centred. The penalties are chosen on
    folds by what can be observed: the opponent's by how well the instruments predict the features of the treatment,
    the curve's by what the opponent gains from its residuals.

    Parameters
    ----------
    outcome_in_dual : bool
        Let the opponent see the outcome, as the paper does.
    bandwidth : {"per-column", "joint"}
        The median distance in each column, or one bandwidth for all columns as they are.
    dual_penalty : float or sequence of float, optional
        Ridge of the opponent per row, the paper's first penalty; of several the best on rows left out. None tries 37
        from 0.1 to 1e-10.
    curve_penalty : float or sequence of float, optional
        Ridge of the curve per row, the second penalty, likewise.
    approximation : {None, "nystrom", "random-features"}
        None is exact, for up to 20,000 rows. ``"nystrom"`` keeps the kernel with ``centres`` rows that explain the
        others best, ``"random-features"`` draws that many waves.
    centres : int
        Size of the approximation.
    folds : int or (n,) int array
        How many folds choose the penalties, or the fold of every row.
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
    >>> curve = yg.DualIV().fit(study)
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
    name = "dual-iv"

    def __init__(
        self,
        *,
        outcome_in_dual: bool = False,
        bandwidth: str = "per-column",
        dual_penalty: float | Sequence[float] | None = None,
        curve_penalty: float | Sequence[float] | None = None,
        approximation: str | None = None,
        centres: int = 1000,
        folds: Any = 5,
        random_state: Any = 0,
    ) -> None:
        self.outcome_in_dual = outcome_in_dual
        self.bandwidth = bandwidth
        self.dual_penalty = dual_penalty
        self.curve_penalty = curve_penalty
        self.approximation = approximation
        self.centres = centres
        self.folds = folds
        self.random_state = random_state

    def fit(self, study: Study) -> "DualIV":
        """Estimate on a study; see :class:`DualIV`."""
        Y, T, X, Z = self.take_roles(study)
        duals, curves = (
            tried(PENALTIES if given is None else given, name)
            for given, name in ((self.dual_penalty, "dual_penalty"), (self.curve_penalty, "curve_penalty"))
        )
        seeds = spawn(self.random_state, 2)
        folds, rng = make_folds(self.folds, T, seeds[0]), as_rng(seeds[1])
        self.level_ = float(Y.mean())
        Y = Y - self.level_
        TX = np.column_stack([T, X])
        seen = np.column_stack([Y, Z, X] if self.outcome_in_dual else [Z, X])
        psi, phi = (kernel_features(self, rows, rng) for rows in (seen, TX))
        parts = [
            stage_moments(psi.transform, phi.transform, seen[rows], TX[rows], Y[rows])
            for rows in (np.flatnonzero(folds == k) for k in range(int(folds.max()) + 1))
        ]
        dual = float(duals[0]) if len(duals) == 1 else _dual_penalty(parts, duals)
        chosen = choose_minimax(parts, lambda n: dual, lambda n: curves)
        self.features_, self.coefficients_ = phi, chosen.coefficients
        self.penalties_ = (dual, chosen.penalty)
        confounded = (
            "the opponent sees the outcome, as in the paper: the curve leans towards the confounded regression."
        )
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for a curve with penalties chosen from the data; bootstrap it.",
            checks=(first_stage_check,),
            notes=(
                *((confounded,) if self.outcome_in_dual else ()),
                *at_the_edge("dual_penalty", dual, duals),
                *at_the_edge("curve_penalty", chosen.penalty, curves),
            ),
            extras={
                "dual_penalty": dual,
                "curve_penalty": chosen.penalty,
                "instrument_features": psi.size,
                "treatment_features": phi.size,
            },
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return curve_values(self.features_.transform, self.coefficients_, self.level_, X, T)


def _dual_penalty(parts, penalties) -> float:
    """The ridge with which the opponent's features predict those of the treatment best on rows left out."""
    losses = sum(
        first_stage_path(together([part for j, part in enumerate(parts) if j != k]), judge, penalties).losses
        for k, judge in enumerate(parts)
    )
    return float(penalties[int(np.argmin(losses))])
