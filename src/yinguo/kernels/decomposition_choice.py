r"""From a fitted variable decomposition to its two sets, its refitted coefficients, and the choice of its penalties.

The penalties of the programme are there to separate variables; what they do to the surviving coefficients is bias. So
the sets are read off the penalised solution and the coefficients are fitted again on the sets: beta by maximum
likelihood, alpha by ordinary least squares, gamma by least squares on the transformed outcome

.. math:: Y^+ = (Y - B\alpha)\,(T - e) / \{e (1 - e)\}, \qquad \mathrm{ATE} = \mathrm{mean}(Y^+) .

Penalties are chosen by the programme's own first two terms on unseen rows, after that refit: the log-loss decides
lambda_beta, the squared residual of :math:`Y^+` (its variance, which is the variance of the effect) lambda_alpha and
then lambda_gamma. Of the penalties whose loss is within one standard error of the best, the largest is taken.

Source
------
Kuang et al. (2017), AAAI, for :math:`Y^+` and the two sets. Refitting and the choice of penalties are ours: the papers
leave both open. One-standard-error rule: Breiman, Friedman, Olshen & Stone (1984), "Classification and Regression
Trees", section 3.4.3.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from yinguo.errors import ConvergenceError, DataError, OverlapError
from yinguo.kernels.decomposition_objective import DecompositionProblem, root_sizes, signed_inverse_weights
from yinguo.kernels.glm import fit_binary
from yinguo.kernels.moments import ArrayMoments
from yinguo.kernels.variable_decomposition import Decomposition, decompose, lasso_effect, lasso_propensity

__all__ = ["FRACTIONS", "VariableSets", "choose_lasso", "emptying_lasso", "refit", "separate", "transformed_outcome"]

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
Lasso = tuple[float, float, float]

#: Penalties tried, as parts of the penalty that empties a set.
FRACTIONS = (0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.09, 0.06)
#: A group of coefficients counts when its length passes this part of the longest one's.
THRESHOLD = 1e-3


@dataclass(frozen=True, slots=True)
class VariableSets:
    """Which variable (group of columns) plays which part; entry 0, the constant, plays none.

    confounders, adjusters, modifiers : (n_groups,) bool arrays: in beta, in alpha, in gamma
    contested : (n_groups,) bool array, still in both alpha and beta; counted as confounders
    """

    confounders: Mask
    adjusters: Mask
    modifiers: Mask
    contested: Mask


def separate(solution: Decomposition, groups: NDArray[np.intp]) -> VariableSets:
    """Read the sets off a solution.

    A variable that kept both coefficients is a confounder: leaving one out of the propensity costs bias, leaving an
    adjustment variable out of alpha only precision.

    Parameters
    ----------
    solution : Decomposition
    groups : (p,) int array

    Returns
    -------
    VariableSets
    """
    alpha, beta, gamma = (_present(x, groups) for x in (solution.alpha, solution.beta, solution.gamma))
    return VariableSets(confounders=beta, adjusters=alpha & ~beta, modifiers=gamma, contested=alpha & beta)


def refit(problem: DecompositionProblem, sets: VariableSets, bound: float) -> tuple[Vector, Vector, Vector]:
    """Coefficients on the sets, free of the penalties' shrinkage.

    alpha is not refitted with the programme's squared inverse weights: a few rows with small propensities would then
    decide it, and an alpha fitted to those very rows moves the mean of Y+ towards 0.

    Parameters
    ----------
    problem : DecompositionProblem
    sets : VariableSets
    bound : float, largest absolute inverse weight in Y+

    Returns
    -------
    alpha, beta, gamma : (p,) float arrays

    Raises
    ------
    OverlapError
        If the confounders predict the treatment perfectly.
    """
    pr = problem
    in_alpha, in_gamma = (np.flatnonzero(chosen[pr.groups]) for chosen in (sets.adjusters, sets.modifiers))
    in_beta = np.flatnonzero(sets.confounders[pr.groups])
    beta = _likelihood_beta(pr, sets.confounders)

    alpha = np.zeros_like(beta)
    design = np.column_stack([pr.B[:, in_alpha], pr.B[:, in_beta], pr.T, np.ones(pr.T.size)])
    alpha[in_alpha] = _least_squares(design, pr.Y)[: in_alpha.size]
    # The constant leaves Y - B alpha with mean 0, so that Y+ does not carry the level of the outcome.
    alpha[0] = np.mean(pr.Y - pr.B @ alpha)

    gamma = np.zeros_like(beta)
    in_gamma = np.r_[0, in_gamma]
    gamma[in_gamma] = _least_squares(pr.B[:, in_gamma], transformed_outcome(pr, alpha, beta, bound))
    return alpha, beta, gamma


def transformed_outcome(problem: DecompositionProblem, alpha: Vector, beta: Vector, bound: float) -> Vector:
    """(n,) Y+ = (Y - B alpha) W(beta), whose mean is the average treatment effect; |W| is cut at ``bound``."""
    W, _ = signed_inverse_weights(problem.B @ beta, problem.T, bound)
    return (problem.Y - problem.B @ alpha) * W


def choose_lasso(problem: DecompositionProblem, folds: NDArray[np.intp], given: tuple[float | None, ...]) -> Lasso:
    """Penalties for :func:`decompose`, from held-out losses where they are not given.

    Parameters
    ----------
    problem : DecompositionProblem
    folds : (n,) int array, fold of every row
    given : three of float or None, for alpha, beta, gamma
        Parts of the penalty that empties the set; None is chosen among ``FRACTIONS``.

    Returns
    -------
    lambda_alpha, lambda_beta, lambda_gamma : floats

    Raises
    ------
    OverlapError
        If even the largest penalty leaves variables that predict the treatment perfectly.
    """
    top = emptying_lasso(problem)
    parts = [(_rows(problem, folds != f), _rows(problem, folds == f), folds == f) for f in np.unique(folds)]
    beta = (given[1] or _choose_beta(problem, parts, top[1])) * top[1]
    alpha = (given[0] or _choose_alpha(problem, parts, (top[0], beta, top[2]))) * top[0]
    gamma = (given[2] or _choose_gamma(problem, parts, (alpha, beta, top[2]))) * top[2]
    return alpha, beta, gamma


def emptying_lasso(problem: DecompositionProblem) -> Lasso:
    """The penalties from which on alpha, beta, gamma stay empty when the two others are empty.

    Parameters
    ----------
    problem : DecompositionProblem

    Returns
    -------
    lambda_alpha, lambda_beta, lambda_gamma : floats
    """
    pr = problem
    share = pr.T.mean()
    if not 0 < share < 1:
        raise DataError(f"the share of treated rows is {share:g}; both arms need rows.")
    W, _ = signed_inverse_weights(np.full(pr.T.size, np.log(share / (1 - share))), pr.T, pr.bound)
    # alpha's constant, free of any penalty, first takes the weighted mean of the outcome.
    R = (pr.Y - (W**2 @ pr.Y) / (W @ W)) * W
    R = R - R.mean()
    sizes = np.maximum(root_sizes(pr), 1.0)

    def longest(gradient):
        lengths = np.sqrt(np.bincount(pr.groups, weights=gradient**2)) / sizes
        return float(lengths[1:].max(initial=0.0)) / pr.T.size

    return longest(2 * (W * R) @ pr.B), longest(pr.propensity * (share - pr.T) @ pr.B), longest(2 * R @ pr.B)


def _choose_beta(problem, parts, top) -> float:
    losses = np.full((problem.T.size, len(FRACTIONS)), np.inf)
    for train, test, held_out in parts:
        beta = None
        for j, fraction in enumerate(FRACTIONS):
            beta, _ = lasso_propensity(train, fraction * top, start=beta)
            try:
                q = test.B @ _likelihood_beta(train, _present(beta, train.groups))
            except (ConvergenceError, OverlapError):
                if j == 0:
                    raise
                break  # so many variables that they separate: smaller ones do too
            losses[held_out, j] = np.logaddexp(0.0, (1 - 2 * test.T) * q)
    return _largest_good(losses[:, np.isfinite(losses).all(axis=0)])


def _choose_alpha(problem, parts, lasso: Lasso) -> float:
    losses = np.empty((problem.T.size, len(FRACTIONS)))
    for train, test, held_out in parts:
        start, _ = lasso_propensity(train, lasso[1])
        for j, fraction in enumerate(FRACTIONS):
            sets = separate(decompose(train, lasso=(fraction * lasso[0], *lasso[1:]), start=start), train.groups)
            alpha, beta, gamma = refit(train, replace(sets, modifiers=np.zeros_like(sets.modifiers)), train.bound)
            losses[held_out, j] = (transformed_outcome(test, alpha, beta, test.bound) - gamma[0]) ** 2
    return _largest_good(losses)


def _choose_gamma(problem, parts, lasso: Lasso) -> float:
    losses = np.empty((problem.T.size, len(FRACTIONS)))
    for train, test, held_out in parts:
        sets = separate(decompose(train, lasso=lasso), train.groups)
        alpha, beta, _ = refit(train, sets, train.bound)
        target = transformed_outcome(train, alpha, beta, train.bound)
        unseen = transformed_outcome(test, alpha, beta, test.bound)
        gamma = None
        for j, fraction in enumerate(FRACTIONS):
            gamma = lasso_effect(train, target, fraction * lasso[2], start=gamma)
            losses[held_out, j] = (unseen - test.B @ gamma) ** 2
    return _largest_good(losses)


def _largest_good(losses: Vector) -> float:
    """The largest penalty whose excess loss over the best one is within its own standard error."""
    excess = losses - losses[:, [np.argmin(losses.mean(axis=0))]]
    error = excess.std(axis=0, ddof=1) / np.sqrt(len(excess))
    return FRACTIONS[int(np.argmax(excess.mean(axis=0) <= error))]


def _likelihood_beta(problem: DecompositionProblem, confounders: Mask) -> Vector:
    columns = np.flatnonzero(confounders[problem.groups])
    moments = ArrayMoments(problem.B[:, columns])
    # A ridge of a tenth of one row keeps collinear columns of a basis from running away.
    fitted = fit_binary(moments, problem.T, penalty=0.1)
    if fitted.eta[problem.T == 1].min() > fitted.eta[problem.T == 0].max():
        raise OverlapError(
            f"{columns.size} columns predict the treatment perfectly, so nobody has a counterpart in the other arm; "
            "drop the covariates that decide the treatment, or raise treatment_penalty."
        )
    beta = np.zeros(problem.B.shape[1])
    beta[np.r_[0, columns]] = moments.rescale(fitted.beta)
    return beta


def _present(value: Vector, groups: NDArray[np.intp]) -> Mask:
    lengths = np.sqrt(np.bincount(groups, weights=value**2))
    lengths[0] = 0.0
    return lengths > THRESHOLD * lengths.max()


def _rows(problem: DecompositionProblem, chosen: Mask) -> DecompositionProblem:
    return replace(problem, B=problem.B[chosen], T=problem.T[chosen], Y=problem.Y[chosen])


def _least_squares(design: Vector, y: Vector) -> Vector:
    return np.asarray(np.linalg.lstsq(design, y, rcond=None)[0], dtype=np.float64)
