r"""Allele score: many weak candidates summed into one instrument.

.. math:: S_i = \sum_j w_j Z_{ij}

with all weights 1 (unweighted score) or the first-stage coefficients (weighted score). Weights from the same rows make
the score lean towards the noise of those rows: with all rows it is two-stage least squares with all candidates. With
weights from other folds a row's own noise has no part in its score, and the lean towards least squares is gone.

Source: Burgess & Thompson (2013), International Journal of Epidemiology 42(4), for the scores; cross-fitting as in
Angrist & Krueger (1995), JBES 13(2), and Angrist, Imbens & Krueger (1999), Journal of Applied Econometrics 14(1).
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.errors import DataError
from yinguo.instruments.linear_fit import linear_structure
from yinguo.instruments.two_stage_least_squares import TwoStageLeastSquares
from yinguo.kernels.moments import ArrayMoments, solve_gram

__all__ = ["AlleleScore", "first_stage_weights"]


class AlleleScore(StructuralEstimator):
    """One instrument made of many, and the linear effect that two-stage least squares finds with it.

    **Use it when** there are many candidates, each weak and all valid, as with genetic variants; ``transform`` hands
    the score to any other method. **Not when** some candidates may be invalid (use SisVIVE, TSHT or CIIV), or there are
    few strong ones: two-stage least squares with all of them wastes less.

    **Assumes** that every candidate is excluded and as good as random given the covariates, and one linear effect.

    **Inference**: robust errors of two-stage least squares with the score, clustered where the study has groups. The
    score is valid whatever its weights; cross-fitted ones need no correction.

    **Where we differ from the paper, and why**: the papers take weights from other studies; without those, folds of the
    same study stand in for them. Folds keep groups whole.

    Parameters
    ----------
    weighting : {"first_stage", "unweighted"}
        Weights from the regression of the treatment on candidates and covariates, or all 1. Unweighted, code every
        candidate so that more of it means more treatment.
    folds : int, (n,) int array or None
        Each fold's weights come from the others; None takes them from all rows.
    random_state : int, Generator or None
        Draws the folds.

    Attributes
    ----------
    weights_ : (q,) float array
        Weights of the candidates, averaged over the folds.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.binomial(2, 0.3, size=(5000, 20)), rng.normal(size=5000)
    >>> T = 0.15 * Z.sum(axis=1) + U
    >>> study = yg.Study.from_arrays(np.empty((5000, 0)), T, 2 * T + U + rng.normal(size=5000), Z=Z)
    >>> score = yg.AlleleScore()
    >>> score.transform(study).instruments
    ('score',)
    >>> bool(abs(score.fit(study).result_.estimate - 2) < 0.2)
    True
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        honours=("sample_weight", "groups"),
        inference="robust sandwich",
        assumes=("relevance", "exclusion", "as_if_random", "linear_effect", "no_interference"),
        holds=(
            "row_order", "outcome_affine", "label_swap", "covariate_affine", "instrument_affine", "weights_repeat",
            "weights_constant",
        ),
    )  # fmt: skip

    def __init__(self, *, weighting: str = "first_stage", folds: Any = 5, random_state: Any = 0) -> None:
        self.weighting = weighting
        self.folds = folds
        self.random_state = random_state

    def fit(self, study: Study) -> "AlleleScore":
        """Estimate on a study; see :class:`AlleleScore`."""
        _, T, X, Z = self.take_roles(study)
        score, self.__dict__["weights_"] = self._score(study, T, X, Z)
        scored = _scored(study, score)
        inner = TwoStageLeastSquares().fit(scored)
        self.__dict__["coefficients_"] = inner.__dict__["coefficients_"]
        found = inner.result_
        self.result_ = self.make_result(
            study, found.estimate, se=found.se, scores=found.scores, checks=found.checks,
            extras={"weights": dict(zip(study.instruments, self.__dict__["weights_"].tolist(), strict=True))},
        )  # fmt: skip
        return self

    def transform(self, study: Study) -> Study:
        """The study with the score, weighted as the options say on its own rows, in place of the candidates.

        Parameters
        ----------
        study : Study

        Returns
        -------
        Study
            With one instrument, ``"score"``.
        """
        _, T, X, Z = self.take_roles(study)
        return _scored(study, self._score(study, T, X, Z)[0])

    def _score(self, study: Study, T, X, Z) -> tuple[np.ndarray, np.ndarray]:
        if self.weighting == "unweighted":
            return Z.sum(axis=1), np.ones(Z.shape[1])
        if self.weighting != "first_stage":
            raise DataError(f"weighting is {self.weighting!r}; it must be 'first_stage' or 'unweighted'.")
        centred = Z - np.average(Z, axis=0, weights=study.sample_weight)
        if self.folds is None:
            weights = first_stage_weights(T=T, X=X, Z=Z, s=study.sample_weight)
            return centred @ weights, weights
        folds = make_folds(self.folds, T, self.random_state, study.groups)
        score, total = np.empty(study.n), np.zeros(Z.shape[1])
        for k in range(int(folds.max()) + 1):
            own = folds == k
            weights = first_stage_weights(T=T, X=X, Z=Z, s=study.sample_weight, rows=np.flatnonzero(~own))
            score[own] = centred[own] @ weights
            total += weights * own.mean()
        return score, total

    def _structure(self, X, T) -> np.ndarray:
        return linear_structure(self.__dict__["coefficients_"], X, T)


def first_stage_weights(*, T, X, Z, s=None, rows=None) -> np.ndarray:
    """(q,) coefficients of the candidates in the regression of the treatment on them and the covariates.

    Parameters
    ----------
    T : (n,) float array
    X : (n, p) float array
    Z : (n, q) float array
    s : (n,) float array, optional
        Sample weights.
    rows : (m,) int array, optional
        Rows to learn from; all by default.

    Source
    ------
    Burgess & Thompson (2013), International Journal of Epidemiology 42(4). Of candidates that are collinear the
    coefficients of least size are taken.
    """
    moments = ArrayMoments(np.column_stack([X, Z]), rows=rows)
    A, b = moments.grams(moments.sort(T), moments.sort(s))
    return moments.rescale(solve_gram(A[0], b[0], intercept=True))[1 + X.shape[1] :]


def _scored(study: Study, score) -> Study:
    if not np.ptp(score) > 0:
        raise DataError("the score does not vary; the candidates say nothing about the treatment.")
    return study.replace(Z=score, instruments=("score",))
