r"""Two-stage hard thresholding: candidates vote for one another, the largest group that agrees is held valid.

1. Candidates that move the treatment by more than a threshold of standard errors have a say.
2. Each of them, taken as valid, says what every other does to the outcome directly,
   :math:`\Gamma_k - (\Gamma_j / \gamma_j) \gamma_k`, and votes for those where that is within the threshold.
3. The largest group with mutual votes is valid; two-stage least squares with it, the other candidates as covariates.

Source: Guo, Kang, Cai & Small (2018), "Confidence intervals for causal effects with invalid instruments by using
two-stage hard thresholding with voting", JRSS-B 80(4).
"""

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.errors import DataError
from yinguo.instruments.candidates import candidate_form, having_a_say, settle
from yinguo.instruments.linear_fit import linear_structure
from yinguo.kernels.agreeing_instruments import judged, largest_cliques, votes

__all__ = ["TSHT", "voted_groups"]


class TSHT(StructuralEstimator):
    """Linear effect when some candidates are invalid, by mutual votes.

    **Use it when** more candidates are valid than agree on any one wrong effect, even if most are invalid, and each
    moves the treatment clearly by itself. **Not when** candidates are weak one by one (few then have a say), or direct
    effects are so small that they hide within the threshold: they are then taken for valid and bias the estimate.

    **Assumes** that the valid candidates are the largest group that agrees, and one linear effect.

    **Inference**: robust errors of two-stage least squares with the group found, as if it had been known. That is right
    in large samples if the rule finds the group for sure, and too short where it may err.

    **Where we differ from the paper or its code, and why**: covariances are robust to unequal noise and to groups. The
    default takes the largest group in which every two agree, as the authors' later package does; of several as large,
    the one that agrees best, and the check says so. The threshold is the larger of sqrt(log n) and sqrt(2.01 log q).

    Parameters
    ----------
    voting : {"clique", "plurality"}
        ``"plurality"`` is the rule of the paper: candidates with the most votes, and those with votes from more than
        half.
    threshold : float, optional
        In standard errors, for both stages.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2000, 7)), rng.normal(size=2000)
    >>> T = Z.sum(axis=1) + U
    >>> Y = 2 * T + Z[:, :4] @ [1, 2, 3, 4] + U + rng.normal(size=2000)  # most candidates are invalid
    >>> result = yg.TSHT().fit(yg.Study.from_arrays(np.empty((2000, 0)), T, Y, Z=Z)).result_
    >>> result.extras["valid"], bool(abs(result.estimate - 2) < 0.1)
    (['z5', 'z6', 'z7'], True)
    """

    name = "tsht"
    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        instruments=3,
        honours=("sample_weight", "groups"),
        inference="robust sandwich, after selection",
        assumes=("relevance", "some_valid", "as_if_random", "linear_effect", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_constant"),
    )

    def __init__(self, *, voting: str = "clique", threshold: float | None = None) -> None:
        self.voting = voting
        self.threshold = threshold

    def fit(self, study: Study) -> "TSHT":
        """Estimate on a study; see :class:`TSHT`."""
        form = candidate_form(self, study)
        threshold = self.threshold
        if threshold is None:
            threshold = float(np.sqrt(max(np.log(form.n), 2.01 * np.log(form.q))))
        relevant = having_a_say(form, study, threshold)
        said = form.only(relevant)
        groups = voted_groups(votes(said, threshold), self.voting)
        found = sorted((judged(said, group) for group in groups), key=lambda group: -group.p_value)
        settle(self, study, found, relevant)
        return self

    def _structure(self, X, T) -> np.ndarray:
        return linear_structure(self.__dict__["coefficients_"], X, T)


def voted_groups(agree, voting: str) -> list[tuple[int, ...]]:
    """Groups that win the vote: all of them, if several are as large.

    Parameters
    ----------
    agree : (q, q) symmetric bool array
        Mutual votes, each candidate's own included.
    voting : {"clique", "plurality"}

    Raises
    ------
    DataError
        An unknown rule.

    Source
    ------
    Guo, Kang, Cai & Small (2018), JRSS-B 80(4), section 3.3.
    """
    if voting == "clique":
        return largest_cliques(agree)
    if voting != "plurality":
        raise DataError(f"voting is {voting!r}; it must be 'clique' or 'plurality'.")
    count = agree.sum(axis=1)
    return [tuple(np.flatnonzero((count == count.max()) | (count > len(agree) / 2)).tolist())]
