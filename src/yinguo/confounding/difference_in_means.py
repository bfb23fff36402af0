r"""Direct difference of arm means: the answer if the treatment was randomised, the baseline if not.

.. math:: \hat\tau = \bar Y_1 - \bar Y_0

``Y`` outcome, ``T`` treatment, ``s`` sample weight (1 where there is none).
"""

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.estimator import Estimator
from yinguo.core.study import Study
from yinguo.diagnose.balance import balance_check

__all__ = ["DifferenceInMeans", "difference_influence"]


def difference_influence(*, Y, T, s=None) -> tuple[float, np.ndarray]:
    """Difference of (weighted) arm means and its influence values.

    Parameters
    ----------
    Y : (n,) float array
        Outcome, in any unit u.
    T : (n,) float array of 0 and 1
    s : (n,) float array, optional
        Sample weights.

    Returns
    -------
    estimate : float, unit u
    phi : (n,) float array, unit u
        ``phi @ phi / n**2`` is s1^2/n1 + s0^2/n0 up to the divisors n-1 and n.

    Source
    ------
    Neyman (1923); the weighted form is Hajek's ratio (1971).
    """
    n = len(Y)
    phi, means = np.zeros(n), []
    for arm, sign in ((1.0, 1.0), (0.0, -1.0)):
        w = (arm == T).astype(np.float64) if s is None else s * (arm == T)
        total = w.sum()
        mean = w @ Y / total
        count = np.count_nonzero(w)
        # The factor makes phi @ phi / n^2 the textbook variance with divisor n_arm - 1.
        phi += sign * np.sqrt(count / (count - 1)) * (n / total) * w * (Y - mean)
        means.append(mean)
    return float(means[0] - means[1]), phi * np.sqrt((n - 1) / n)


class DifferenceInMeans(Estimator):
    """Difference between the mean outcomes of the treated and the controls.

    **Use it when** the treatment was randomised, or as the line that every adjustment is held against.
    **Not when** anything that moves the outcome also moved the treatment.

    **Assumes** randomisation; then ATE, ATT and ATC coincide.

    The standard error allows for unequal variances, sqrt(s1^2/n1 + s0^2/n0).

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        What to call the number; it is the same number.

    Examples
    --------
    >>> import yinguo as yg
    >>> study = yg.Study.from_arrays([[1], [2], [3], [4]], [0, 1, 0, 1], [1.0, 2.0, 2.0, 4.0])
    >>> yg.DifferenceInMeans().fit(study).result_
    EffectResult(difference ATE 1.500, se 1.118, n=4)
    """

    name = "difference"
    capabilities = Capabilities(
        needs=(),
        honours=("sample_weight", "groups"),
        inference="influence function",
        assumes=("randomised", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
    )

    def __init__(self, *, estimand: str = "ATE") -> None:
        self.estimand = estimand

    def fit(self, study: Study) -> "DifferenceInMeans":
        """Estimate on a study; see :class:`DifferenceInMeans`."""
        Y, T, X = self.take(study)
        estimate, phi = difference_influence(Y=Y, T=T, s=study.sample_weight)
        checks = (balance_check,) if X.shape[1] else ()
        self.result_ = self.make_result(study, estimate, phi=phi, checks=checks)
        return self
