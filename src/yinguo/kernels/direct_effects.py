r"""Sparse direct effects of instruments on the outcome: a lasso on what no single effect of the treatment explains.

.. math:: \min_{\alpha, \theta}\ \tfrac{1}{2n} \lVert P(\tilde Y - \tilde Z\alpha - \tilde T\theta) \rVert^2
          + \lambda \sum_j w_j \sqrt{G_{jj} / n}\, |\alpha_j|

With reduced-form coefficients the first part is :math:`\tfrac{1}{2n} (\Gamma - \alpha - \theta\gamma)' G
(\Gamma - \alpha - \theta\gamma)`, and for given :math:`\alpha` the best :math:`\theta` is a weighted mean. Put in, the
problem is a lasso in :math:`\alpha` with the Gram matrix :math:`G - G\gamma\gamma'G / \gamma'G\gamma`; the rows are
not needed.

Source: Kang, Zhang, Cai & Small (2016), JASA 111(513), sections 3.2 and 3.3; penalties divided by a first estimate,
Windmeijer, Farbmacher, Davies & Davey Smith (2019), JASA 114(527).
"""

from typing import NamedTuple

import numpy as np

from yinguo.kernels.active_set import FullGram, solve_penalised

__all__ = ["DirectEffects", "direct_effects_path", "misfit"]

#: The smallest penalty as a share of the one that keeps every direct effect at zero.
SMALLEST = 1e-3


class DirectEffects(NamedTuple):
    """A path of fits at L decreasing penalties.

    Attributes
    ----------
    penalties : (L,) float array
        As shares of the smallest one that keeps every direct effect at zero.
    alpha : (L, q) float array
        Direct effects.
    theta : (L,) float array
        Effects of the treatment.
    """

    penalties: np.ndarray
    alpha: np.ndarray
    theta: np.ndarray


def direct_effects_path(*, outcome, treatment, gram, weights=None, penalties=None, n_penalties=100) -> DirectEffects:
    """Direct effects along a path of penalties.

    Parameters
    ----------
    outcome, treatment : (q,) float arrays
        Reduced-form coefficients of the instruments.
    gram : (q, q) float array
        Products of the instruments net of the covariates.
    weights : (q,) positive float array, optional
        Penalty factors; a candidate with a large one is held valid for longer.
    penalties : (L,) float array, optional
        Decreasing shares of the largest useful penalty.
    n_penalties : int
        Length of the default path.

    Returns
    -------
    DirectEffects

    Raises
    ------
    ConvergenceError
        If rounding keeps the active set from settling.

    Source
    ------
    Kang, Zhang, Cai & Small (2016), JASA 111(513).
    """
    size = np.sqrt(np.diag(gram))
    along = gram @ treatment
    left = gram - np.outer(along, along) / (treatment @ along)
    unit = size * (1.0 if weights is None else weights)
    target = left @ outcome / unit
    scale = float(np.abs(target).max())
    if penalties is None:
        penalties = np.geomspace(1.0, SMALLEST, n_penalties)
    alpha = np.zeros((len(penalties), len(outcome)))
    # What rounding leaves of a target of zero is no direct effect.
    if scale > 1e-12 * float(np.abs(gram @ outcome / unit).max()):
        # In these units columns have about unit size and the largest useful penalty is 1.
        spread = float(np.mean(np.diag(left) / unit**2))
        source = FullGram(left / np.outer(unit, unit) / spread, target / scale)
        b = np.zeros(len(outcome))
        for k, penalty in enumerate(penalties):
            b = solve_penalised(source, l1=float(penalty), l2=0.0, b=b)
            alpha[k] = b * (scale / spread) / unit
    theta = (outcome - alpha) @ along / (treatment @ along)
    return DirectEffects(np.asarray(penalties, dtype=np.float64), alpha, theta)


def misfit(path: DirectEffects, *, outcome, treatment, gram) -> np.ndarray:
    """(L,) squared length of what a path leaves of the outcome in the span of the instruments, on other rows.

    Parameters
    ----------
    path : DirectEffects
    outcome, treatment : (q,) float arrays
        Reduced-form coefficients on the other rows.
    gram : (q, q) float array

    Source
    ------
    Kang, Zhang, Cai & Small (2016), JASA 111(513), for the cross-validated criterion.
    """
    left = outcome - path.alpha - np.outer(path.theta, treatment)
    return np.einsum("lj,jk,lk->l", left, gram, left)
