r"""Entropy balancing: the weights closest to uniform under which the arms have equal covariate means.

For the ATT the controls get :math:`w_i \propto q_i e^{c_i'\lambda}` with :math:`\sum_{T=0} w_i c_i = \bar c_1`, and

.. math:: \hat\tau_{ATT} = \bar Y_1 - \sum_{T_i=0} w_i Y_i

For the ATE both arms are balanced to the means of everybody; for the ATC the treated to the controls.
``c`` balanced terms (covariates, by option their powers and products), ``q`` base weights,
``lambda`` dual coefficients.
"""

from dataclasses import dataclass

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.estimator import Estimator
from yinguo.core.study import Study
from yinguo.diagnose.balance import balance_check, weight_check
from yinguo.errors import OverlapError
from yinguo.kernels.entropy_dual import entropy_weights
from yinguo.kernels.expand import expand_terms
from yinguo.kernels.moments import solve_gram
from yinguo.kernels.terms import standardised_terms

__all__ = ["BalancedMean", "EntropyBalancing", "balanced_mean"]


@dataclass(frozen=True, slots=True)
class BalancedMean:
    """Weighted outcome mean of one arm.

    Attributes
    ----------
    mean : float
    w : (m,) float array
        Weights of the arm's rows, sum 1.
    own : (m,) float array
        Influence on the mean of each row of the arm, as a source of weight: m-scaled ``w * residual``.
    slope : (r,) float array
        Weighted regression of the outcome on the balanced terms: what the mean owes to the target.
    steps : int
    """

    mean: float
    w: np.ndarray
    own: np.ndarray
    slope: np.ndarray
    steps: int


def balanced_mean(*, C, Y, names, q=None, tol: float = 1e-9) -> BalancedMean:
    r"""Outcome mean of an arm reweighted to a target, with its first-order expansion.

    Stacking the balance equations with the weighted mean gives :math:`m w_i (Y_i - \mu - c_i'b)` for a row
    of the arm and :math:`c_j'b` for a row that defines the target, where b is the w-weighted regression
    slope of Y on c.

    Parameters
    ----------
    C : (m, r) float array
        Balanced terms of the arm, standardised, minus their target.
    Y : (m,) float array
    names : r names
    q : (m,) float array, optional
        Base weights.
    tol : float

    Raises
    ------
    OverlapError
        No positive weights reach the target; names the term that stays furthest off.

    Source
    ------
    Hainmueller (2012), Political Analysis 20(1), for the weights; the expansion is that of the stacked
    estimating equations, derived here and tested against derivatives in the sample weights.
    """
    fit = entropy_weights(C, q=q, tol=tol)
    if not fit.converged:
        raise _unreachable(names, np.abs(fit.w @ C), len(names))
    mean = float(fit.w @ Y)
    slope = solve_gram(fit.covariance, (fit.w * (Y - mean)) @ C)
    return BalancedMean(mean, fit.w, len(Y) * fit.w * (Y - mean - C @ slope), slope, fit.steps)


class EntropyBalancing(Estimator):
    """Reweighting to exact covariate balance with maximum-entropy weights.

    **Use it when** you want exact balance on the means (or chosen moments) without a propensity model,
    above all for the ATT with many controls. **Not when** the target means lie outside what the other
    arm can be weighted to: it then refuses and names the covariate.

    **Assumes** unconfoundedness; the outcome is linear in the balanced terms or the log odds of
    treatment are (either suffices).

    **Inference**: influence values from the stacked balance equations.

    **Where we differ**: the reference implementation stops at a tolerance of 1 in column totals; here
    the standardised means agree to 1e-9. Collinear terms are dropped and listed, not an error.

    Parameters
    ----------
    estimand : {"ATT", "ATE", "ATC"}
    moments : int
        1 balances means, 2 also squares, 3 also cubes.
    interactions : bool
        Also balance all pairwise products.
    tolerance : float
        Largest accepted difference of means, in standard deviations.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> X = np.arange(40.0).reshape(20, 2) % 7
    >>> T = np.tile([0.0, 1.0], 10)
    >>> yg.EntropyBalancing().fit(yg.Study.from_arrays(X, T, X @ [1, 2] + 3 * T)).result_.estimate.__round__(6)
    3.0
    """

    capabilities = Capabilities(
        estimands=("ATT", "ATE", "ATC"),
        honours=("sample_weight", "groups"),
        inference="influence function",
        assumes=("unconfounded", "overlap", "balance_is_enough", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
    )

    def __init__(
        self, *, estimand: str = "ATT", moments: int = 1, interactions: bool = False, tolerance: float = 1e-9
    ) -> None:
        self.estimand = estimand
        self.moments = moments
        self.interactions = interactions
        self.tolerance = tolerance

    def fit(self, study: Study) -> "EntropyBalancing":
        """Estimate on a study; see :class:`EntropyBalancing`."""
        Y, T, X = self.take(study)
        s = np.ones(study.n) if study.sample_weight is None else study.sample_weight
        target = s * {"ATE": np.ones(study.n), "ATT": T, "ATC": 1 - T}[self.estimand]
        # Powers and products of centred columns span the same space and keep the digits that large means eat.
        columns = X if self.moments == 1 and not self.interactions else X - X.mean(axis=0)
        terms = standardised_terms(
            *expand_terms(columns, study.covariates, self.moments, self.interactions),
            share=target / target.sum(),
            arms=[np.flatnonzero(arm == T) for arm in REWEIGHTED[self.estimand]],
        )
        members = np.flatnonzero(target > 0)
        share = target[members] / target.mean()  # n times each member's share of the target
        phi, w, means, steps = np.zeros(study.n), np.zeros(study.n), {}, 0
        for arm, sign in ((1.0, 1.0), (0.0, -1.0)):
            if arm not in REWEIGHTED[self.estimand]:  # the arm that is the target keeps its own mean
                means[arm] = share @ Y[members] / study.n
                w[members] = share / study.n
                phi[members] += sign * share * (Y[members] - means[arm])
                continue
            rows = np.flatnonzero(arm == T)
            q = None if study.sample_weight is None else s[rows]
            part = balanced_mean(C=terms.of(rows), Y=Y[rows], names=terms.names, q=q, tol=self.tolerance)
            gap = np.abs(terms.gap_of_dropped(rows, part.w))
            if (gap > REACHABLE).any():
                raise _unreachable(terms.dropped, gap, len(terms.every))
            means[arm], w[rows], steps = part.mean, part.w, max(steps, part.steps)
            phi[rows] += sign * part.own * (study.n / len(rows))
            phi[members] += sign * share * terms.score(members, part.slope)
        self.result_ = self.make_result(
            study,
            means[1.0] - means[0.0],
            phi=phi,
            balance_weights=w,
            checks=(balance_check, weight_check),
            notes=_dropped_note(terms.dropped),
            extras={"balanced_terms": terms.names, "newton_steps": steps},
        )
        return self


#: Which arms get weights; the other one is the target itself.
REWEIGHTED = {"ATE": (1.0, 0.0), "ATT": (0.0,), "ATC": (1.0,)}


#: A collinear term further than this (in standard deviations) from its target is no rounding error.
REACHABLE = 1e-4


def _unreachable(names, off, count: int) -> OverlapError:
    k = int(np.argmax(off))
    return OverlapError(
        f"no positive weights balance all {count} terms: {names[k]!r} stays {off[k]:.2g} standard deviations off, "
        "because the target lies outside what this arm can be weighted to. Drop that term, use fewer moments, or use "
        "ApproximateResidualBalancing, which allows imbalance."
    )


def _dropped_note(dropped) -> tuple[str, ...]:
    if not dropped:
        return ()
    shown = ", ".join(dropped[:8]) + (", ..." if len(dropped) > 8 else "")
    return (f"{len(dropped)} terms are collinear with others in a reweighted arm and were left out: {shown}.",)
