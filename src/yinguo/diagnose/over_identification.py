r"""Do the instruments agree with one another? Over-identification tests, possible with more instruments than needed.

If all instruments are valid, residuals of the fit are unrelated to every one of them. A rejection says that at least
one is not, or that effects differ between the people they move; no rejection says only that they agree, as instruments
with the same flaw would.

With u the residuals of two-stage least squares and P the projection on the instruments, net of the covariates: Sargan
:math:`n\, u'Pu / u'u`; Basmann :math:`(n-k)\, u'Pu / (u'u - u'Pu)`; Hansen J :math:`\min_\theta g' S^{-1} g` with
:math:`g = \tilde Z'(\tilde Y - \tilde T\theta)` and :math:`S = \sum_i u_i^2 \tilde z_i \tilde z_i'`, which allows for
unequal noise and for groups.

Source: Sargan (1958), Econometrica 26(3); Basmann (1960), JASA 55(292); Hansen (1982), Econometrica 50(4).
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.hypothesis_test import HypothesisTest
from yinguo.diagnose.linear_moments import linear_moments
from yinguo.kernels import residual_tests
from yinguo.kernels.instrument_moments import InstrumentMoments
from yinguo.kernels.k_class import KClass, fit_k_class, smallest_root

__all__ = [
    "basmann_test", "hansen_j_test", "likelihood_ratio_test", "over_identification", "over_identification_verdict",
    "sargan_test",
]  # fmt: skip

NULL = "the instruments are all valid, and their effects the same"
#: p-value below which instruments count as disagreeing.
REJECT = 0.05


def sargan_test(study, *, endogenous=()) -> HypothesisTest:
    """Sargan's test, under noise that is alike everywhere.

    Parameters
    ----------
    study : Study
    endogenous : sequence of str
        Covariates that are instrumented as well.

    Source
    ------
    Sargan (1958), Econometrica 26(3).
    """
    moments = linear_moments(study, endogenous)
    return over_identification("Sargan", moments, lambda: residual_tests.sargan(moments, fit_k_class(moments)))


def basmann_test(study, *, endogenous=()) -> HypothesisTest:
    """Basmann's test, under noise that is alike everywhere; differs from Sargan's in small samples.

    Parameters
    ----------
    study : Study
    endogenous : sequence of str
        Covariates that are instrumented as well.

    Source
    ------
    Basmann (1960), Journal of the American Statistical Association 55(292).
    """
    moments = linear_moments(study, endogenous)
    return over_identification("Basmann", moments, lambda: residual_tests.basmann(moments, fit_k_class(moments)))


def likelihood_ratio_test(study, *, endogenous=()) -> HypothesisTest:
    """Anderson and Rubin's likelihood ratio for limited information maximum likelihood, n log kappa.

    Parameters
    ----------
    study : Study
    endogenous : sequence of str
        Covariates that are instrumented as well.

    Source
    ------
    Anderson & Rubin (1950), Annals of Mathematical Statistics 21(4).
    """
    moments = linear_moments(study, endogenous)
    return over_identification(
        "likelihood ratio", moments, lambda: residual_tests.likelihood_ratio(moments, smallest_root(moments))
    )


def hansen_j_test(study, *, endogenous=()) -> HypothesisTest:
    """Hansen's J, robust to unequal noise and clustered if the study has groups.

    Parameters
    ----------
    study : Study
    endogenous : sequence of str
        Covariates that are instrumented as well.

    Source
    ------
    Hansen (1982), Econometrica 50(4), two-step, weight from residuals of two-stage least squares.
    """
    moments = linear_moments(study, endogenous)

    def statistic() -> tuple[float, int]:
        fit = fit_k_class(moments)
        wanted = [residual_tests.instrument_scores(moments, fit.residual)]
        return residual_tests.hansen_j(moments, moments.middle(wanted, study.groups)[0])

    return over_identification("Hansen J", moments, statistic)


def over_identification(
    name: str, moments: InstrumentMoments, statistic: Callable[[], tuple[float, int]], fit: KClass | None = None
) -> HypothesisTest:
    """A test from its statistic, or the reason why there is none.

    Parameters
    ----------
    name : str
    moments : InstrumentMoments
    statistic : callable () -> (statistic, degrees of freedom)
        Called only if the test can be made.
    fit : KClass, optional
        Two-stage least squares, if it is known already.
    """
    if moments.q == moments.m:
        return HypothesisTest(
            name=name, null=NULL,
            reason="there are no more instruments than needed, so nothing in the data can contradict them.",
        )  # fmt: skip
    fit = fit_k_class(moments) if fit is None else fit
    if not fit.rss > residual_tests.RESIDUAL_TOL * moments.total[0]:
        return HypothesisTest(name=name, null=NULL, reason="the residuals are zero.")
    try:
        value, df = statistic()
    except np.linalg.LinAlgError:
        return HypothesisTest(
            name=name,
            null=NULL,
            reason="the scores of the instruments have no invertible covariance (too few groups?).",
        )
    return HypothesisTest(name=name, null=NULL, statistic=value, df=df, p_value=float(stats.chi2.sf(value, df)))


def over_identification_verdict(test: HypothesisTest, outcome: str, treatment: str) -> Diagnostic:
    """The test as a check of a result.

    Parameters
    ----------
    test : HypothesisTest
    outcome, treatment : str
        Names for the sentence.
    """
    reference = f"p-value of at least {REJECT:g}"
    if test.p_value is None:
        sentence = f"Whether the instruments reach {outcome} only through {treatment} is not tested: {test.reason}"
        return Diagnostic("over-identification", None, reference, "ok", sentence)
    if test.p_value < REJECT:
        sentence = (
            f"The instruments disagree ({test.figures}): at least one reaches {outcome} by another way than "
            f"{treatment} or shares a cause with it, or the people they move have different effects."
        )
        return Diagnostic("over-identification", test.p_value, reference, "look", sentence)
    sentence = f"The instruments agree with one another ({test.figures}); a flaw they all share would not show."
    return Diagnostic("over-identification", test.p_value, reference, "ok", sentence)
