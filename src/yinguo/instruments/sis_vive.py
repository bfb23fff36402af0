r"""sisVIVE: some candidates reach the outcome directly; a lasso says which.

.. math:: \min_{\alpha, \theta}\ \tfrac12 \lVert P_Z (Y - Z\alpha - T\theta) \rVert^2 + \lambda \lVert\alpha\rVert_1

everything net of the covariates. Candidates with :math:`\hat\alpha_j = 0` are held valid. The penalty is chosen by
cross-validation, or as the largest whose valid candidates pass a test of over-identification.

Source: Kang, Zhang, Cai & Small (2016), "Instrumental variables estimation with some invalid instruments and its
application to Mendelian randomization", JASA 111(513); downward testing and adaptive penalties, Windmeijer, Farbmacher,
Davies & Davey Smith (2019), JASA 114(527).
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import linear_first_stage_check
from yinguo.errors import DataError
from yinguo.instruments.candidates import agreement_check, candidate_form, linear_level, named
from yinguo.instruments.linear_fit import linear_structure
from yinguo.kernels.agreeing_instruments import judged, weighted_median
from yinguo.kernels.direct_effects import DirectEffects, direct_effects_path, misfit
from yinguo.kernels.instrument_moments import InstrumentMoments
from yinguo.kernels.reduced_form import ReducedForm, reduced_form

__all__ = ["SisVIVE", "left_out_misfit", "longest_unrefused"]


class SisVIVE(StructuralEstimator):
    """Linear effect when fewer than half of the candidates are invalid, by a lasso on their direct effects.

    **Use it when** most candidates are valid and you want the estimate to use all of those at once. **Not when** half
    of them or more may be invalid (TSHT and CIIV need only the largest group), or you need an interval.

    **Assumes** that fewer than half of the candidates are invalid, and one linear effect. The lasso can also fail with
    fewer if the invalid ones are strong or candidates are strongly correlated; ``adaptive=True`` mends that.

    **Inference**: none. The lasso shrinks and selects, and no simple theory covers that; TSHT and CIIV give intervals.

    **Where we differ from the paper or its code, and why**: the path is a grid of 100 penalties rather than every kink;
    candidates are scaled after the covariates are taken out of them.

    Parameters
    ----------
    choice : {"cross_validation", "testing"}
        Cross-validation takes the largest penalty within one standard error of the best and reports the lasso's own
        estimate. Testing takes the largest whose valid candidates have a J test with a p-value of at least 0.1 / log(n)
        and reports the effect those agree on (minimum distance), which the lasso does not shrink.
    adaptive : bool
        Divide each penalty by the direct effect that the median of ratios leaves to the candidate.
    folds : int or (n,) int array
        For cross-validation.
    random_state : int, Generator or None
        Draws the folds.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2000, 7)), rng.normal(size=2000)
    >>> T = Z.sum(axis=1) + U
    >>> Y = 2 * T + Z[:, :2] @ [1, 2] + U + rng.normal(size=2000)  # z1 and z2 reach Y directly
    >>> study = yg.Study.from_arrays(np.empty((2000, 0)), T, Y, Z=Z)
    >>> yg.SisVIVE(choice="testing").fit(study).result_.extras["valid"]
    ['z3', 'z4', 'z5', 'z6', 'z7']
    """

    name = "sisvive"
    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        instruments=3,
        honours=("sample_weight", "groups"),
        assumes=("relevance", "some_valid", "as_if_random", "linear_effect", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_constant"),
    )

    def __init__(
        self, *, choice: str = "cross_validation", adaptive: bool = False, folds: Any = 10, random_state: Any = 0
    ) -> None:
        self.choice = choice
        self.adaptive = adaptive
        self.folds = folds
        self.random_state = random_state

    def fit(self, study: Study) -> "SisVIVE":
        """Estimate on a study; see :class:`SisVIVE`."""
        if self.choice not in ("cross_validation", "testing"):
            raise DataError(f"choice is {self.choice!r}; it must be 'cross_validation' or 'testing'.")
        form = candidate_form(self, study)
        path = _path(form, self._weights(form))
        if self.choice == "testing":
            best = longest_unrefused(path, form, 0.1 / np.log(form.n))
            estimate = judged(form, np.flatnonzero(path.alpha[best] == 0)).effect
        else:
            folds = make_folds(self.folds, study.T, self.random_state, study.groups)
            best = _one_error_rule(left_out_misfit(study, folds, path.penalties, self._weights))
            estimate = float(path.theta[best])
        alpha = path.alpha[best]
        valid = named(study, np.flatnonzero(alpha == 0))
        self.__dict__["coefficients_"] = linear_level(study, estimate)
        self.result_ = self.make_result(
            study, estimate,
            no_inference="the lasso shrinks and selects on the same data; TSHT and CIIV give intervals.",
            checks=(linear_first_stage_check, lambda result: agreement_check(valid, form.q, ())),
            extras={
                "valid": list(valid), "direct_effects": dict(zip(study.instruments, alpha.tolist(), strict=True)),
                "penalty": float(path.penalties[best]),
            },
        )  # fmt: skip
        return self

    def _weights(self, form: ReducedForm) -> np.ndarray | None:
        if not self.adaptive:
            return None
        median = weighted_median(form.ratios, np.ones(form.q))
        left = np.abs(form.deviation(median))
        # The candidate at the median itself has no direct effect left; it is penalised most, but not without bound.
        return 1 / np.maximum(left, 1e-3 * max(float(left.max()), 1e-300))

    def _structure(self, X, T) -> np.ndarray:
        return linear_structure(self.__dict__["coefficients_"], X, T)


def longest_unrefused(path: DirectEffects, form: ReducedForm, level: float) -> int:
    """Place on the path of the largest penalty whose valid candidates a J test does not refuse.

    Parameters
    ----------
    path : DirectEffects
    form : ReducedForm
    level : float

    Source
    ------
    Windmeijer, Farbmacher, Davies & Davey Smith (2019), JASA 114(527), after Andrews (1999), Econometrica 67(3).
    """
    tested: dict[tuple[int, ...], float] = {}
    for k, alpha in enumerate(path.alpha):
        members = tuple(np.flatnonzero(alpha == 0).tolist())
        if members and members not in tested:
            tested[members] = judged(form, members).p_value
            if tested[members] >= level:
                return k
    return max(k for k, alpha in enumerate(path.alpha) if (alpha == 0).any())


def left_out_misfit(study: Study, folds, penalties, weights) -> np.ndarray:
    """(K, L) misfit of the path of the other folds on each fold.

    Parameters
    ----------
    study : Study
    folds : (n,) int array
    penalties : (L,) float array
    weights : callable (ReducedForm) -> penalty factors or None

    Source
    ------
    Kang, Zhang, Cai & Small (2016), JASA 111(513), with covariates taken out within each part.
    """
    found = []
    for k in range(int(folds.max()) + 1):
        learn, judge = (_plain_form(study.take(rows)) for rows in (folds != k, folds == k))
        path = _path(learn, weights(learn), penalties)
        found.append(misfit(path, outcome=judge.outcome, treatment=judge.treatment, gram=judge.gram))
    return np.array(found)


def _one_error_rule(losses) -> int:
    """The largest penalty whose mean loss is within one standard error of the smallest."""
    mean, error = losses.mean(axis=0), losses.std(axis=0, ddof=1) / np.sqrt(len(losses))
    best = int(mean.argmin())
    return int(np.argmax(mean <= mean[best] + error[best]))


def _path(form: ReducedForm, weights, penalties=None) -> DirectEffects:
    return direct_effects_path(
        outcome=form.outcome, treatment=form.treatment, gram=form.gram, weights=weights, penalties=penalties
    )


def _plain_form(study: Study) -> ReducedForm:
    """Reduced form on part of the rows; raises if they no longer tell the candidates apart."""
    assert study.Z is not None
    moments = InstrumentMoments(Y=study.Y, T=study.T, X=study.X, Z=study.Z, s=study.sample_weight)
    if moments.independent()[1].any():
        raise DataError("a fold does not tell the candidates apart; use fewer folds, or choice='testing'.")
    return reduced_form(moments, robust=False)
