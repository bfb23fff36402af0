r"""What estimating the propensity score does to the variance of matching on it.

Matching on an estimated score is not matching on the true one: the estimate of its coefficients is correlated with the
matching estimate. With :math:`F` the score, :math:`f` its derivative in the linear predictor, :math:`I` the information
per row and :math:`\bar\mu_t(F) = E[Y \mid T = t, F]`,

.. math::

   \text{ATE: } & V - c' I^{-1} c, \quad
      c = E\Bigl[f \Bigl\{\frac{\mathrm{cov}_1}{F} + \frac{\mathrm{cov}_0}{1 - F}\Bigr\}\Bigr] \\
   \text{ATT: } & V_t - c_t' I^{-1} c_t + d_t' I^{-1} d_t, \\
      c_t &= \frac{1}{E F} E\Bigl[f \Bigl\{X (\bar\mu_1 - \bar\mu_0 - \tau_t) + \mathrm{cov}_1
             + \frac{F}{1 - F} \mathrm{cov}_0\Bigr\}\Bigr], \quad
      d_t = \frac{\partial \tau_t}{\partial\theta} = \frac{1}{E F} E[f X \{\mu_1(X) - \mu_0(X) - \tau_t\}]

where :math:`\mathrm{cov}_t = \mathrm{cov}(X, Y \mid T = t, F)` is estimated from the nearest scores in arm t. The ATC
is the ATT with the labels exchanged. For the ATE the score helps; for the ATT it may help or hurt.

Source
------
Abadie & Imbens (2016), Econometrica 84(2), Theorems 1 and 2 (equations from memory of the paper, derived again here and
checked by simulation and against Stata's ``teffects psmatch``). Where we differ: the paper estimates :math:`d_t` by a
second matching on all covariates. Since X and T are independent given F, :math:`E[X \mu_t(X) \mid F] = E[X \mid F]
\bar\mu_t + \mathrm{cov}_t`, so the neighbours on the score give it as well, without matching in many dimensions.
"""

import numpy as np

from yinguo.kernels.matches import match_means, spread_to_donors


def score_adjustment(*, D, Y, e, slope, information, estimate, near, n_target, estimand="ATE", rows=None):
    """What to add to the variance of the estimate because the score was estimated.

    Parameters
    ----------
    D : (n, q) float array
        Design of the score model, intercept included, on any scale.
    Y : (n,) float array
    e, slope : (n,) float arrays
        Fitted score and its derivative in the linear predictor.
    information : (q, q) float array
        Information of the score coefficients on the scale of ``D``, summed over rows.
    estimate : float
        The matching estimate.
    near : (Matches, Matches)
        For every row its nearest scores among the controls and among the treated, at least two of each (a row is its
        own nearest in its own arm).
    n_target : int
        Rows whose average effect is estimated.
    estimand : "ATE", "ATT" or "ATC"
    rows : (n,) int array, optional
        If ``Y, e, slope`` and ``near`` are in another order than ``D``: the row of ``D`` of each entry.

    Returns
    -------
    float
        In the squared unit of Y; never positive for the ATE.
    """
    # Only differences of Y enter; centred, the running totals behind the neighbours' means keep their digits.
    Y = Y - Y.mean()
    e = np.clip(e, 1e-12, 1 - 1e-12)  # a score that rounds to 0 or 1 has slope 0 and no say
    means = [_by_row(part, match_means(part, Y)) for part in near]
    cov0, cov1 = ((lambda a, j=j: _covariance_weights(near[j], Y, means[j], a)) for j in (0, 1))
    effect = slope * (means[1] - means[0] - estimate)
    # Row weights whose products with D are c and d: sums over rows and neighbours are moved onto the rows first, so
    # that any number of columns costs one matrix product.
    if estimand == "ATE":
        c, d = cov1(slope / e) + cov0(slope / (1 - e)), np.zeros_like(e)
    elif estimand == "ATT":
        one, zero = cov1(slope), cov0(slope)
        c, d = effect + one + cov0(slope * e / (1 - e)), effect + one - zero
    else:
        one, zero = cov1(slope), cov0(slope)
        c, d = cov1(slope * (1 - e) / e) + zero - effect, zero - one - effect
    c, d = (D.T @ (part if rows is None else _placed(part, rows)) for part in (c, d))
    return (_quadratic(information, d) - _quadratic(information, c)) / n_target**2


def _covariance_weights(near, Y, means, a):
    r"""(n,) weights q with :math:`\sum_j X_j q_j = \sum_i a_i \mathrm{cov}_i(X, Y)`, cov_i over the set of row i."""
    amount = a[near.focal] / (near.count - 1)
    return Y * spread_to_donors(near, amount) - spread_to_donors(near, amount * means[near.focal])


def _by_row(matches, values):
    out = np.empty(matches.n)
    out[matches.focal] = values
    return out


def _placed(values, rows):
    out = np.empty_like(values)
    out[rows] = values
    return out


def _quadratic(information, c):
    # Scaled to a unit diagonal; directions that rounding cannot tell from collinear are left out, as in the fit.
    scale = 1 / np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    size, directions = np.linalg.eigh(information * np.outer(scale, scale))
    kept = size > 1e-11 * size[-1]
    return float((((c * scale) @ directions[:, kept]) ** 2 / size[kept]).sum())
