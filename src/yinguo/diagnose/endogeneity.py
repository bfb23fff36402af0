r"""Is an instrument needed at all? Tests of the exogeneity of the treatment (Durbin, Wu, Hausman).

If treatment and outcome share no unmeasured cause, least squares and the instruments estimate the same number, and
least squares does so with less noise. All versions ask whether first-stage residuals v explain the outcome once
treatment and covariates are in:

.. math:: Y = \theta T + \gamma' [1, X] + \rho\, v + e, \qquad H_0 : \rho = 0 .

Wu-Hausman is the F test of that; Durbin's statistic is n times the share of least-squares residual variation that v
explains; the robust one is a Wald test with a heteroscedasticity-robust or clustered covariance.

Source: Durbin (1954), Review of the International Statistical Institute 22(1); Wu (1973), Econometrica 41(4); Hausman
(1978), Econometrica 46(6).
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.hypothesis_test import HypothesisTest
from yinguo.diagnose.linear_moments import linear_moments
from yinguo.kernels import residual_tests
from yinguo.kernels.k_class import fit_k_class

__all__ = ["durbin_test", "endogeneity", "endogeneity_verdict", "robust_exogeneity_test", "wu_hausman_test"]

NULL = "the treatment shares no unmeasured cause with the outcome (given valid instruments)"
#: p-value below which least squares and the instruments count as different.
REJECT = 0.05


def wu_hausman_test(study, *, endogenous=()) -> HypothesisTest:
    """F test of exogeneity, under noise that is alike everywhere.

    Parameters
    ----------
    study : Study
    endogenous : sequence of str
        Covariates that are instrumented as well; the test is of all together.

    Source
    ------
    Wu (1973), Econometrica 41(4); Hausman (1978), Econometrica 46(6).
    """
    moments = linear_moments(study, endogenous)
    return endogeneity("Wu-Hausman", lambda: residual_tests.wu_hausman(moments, fit_k_class(moments)))


def durbin_test(study, *, endogenous=()) -> HypothesisTest:
    """Chi-squared test of exogeneity, under noise that is alike everywhere.

    Parameters
    ----------
    study : Study
    endogenous : sequence of str
        Covariates that are instrumented as well; the test is of all together.

    Source
    ------
    Durbin (1954), Review of the International Statistical Institute 22(1).
    """
    moments = linear_moments(study, endogenous)
    return endogeneity("Durbin", lambda: residual_tests.durbin(moments, fit_k_class(moments)))


def robust_exogeneity_test(study, *, endogenous=()) -> HypothesisTest:
    """Wald test of exogeneity, robust to unequal noise and clustered if the study has groups.

    Parameters
    ----------
    study : Study
    endogenous : sequence of str
        Covariates that are instrumented as well; the test is of all together.

    Source
    ------
    Wooldridge (1995), Score diagnostics for linear models estimated by two stage least squares.
    """
    moments = linear_moments(study, endogenous)

    def statistic() -> tuple[float, int]:
        fit = fit_k_class(moments)
        scores, _ = residual_tests.exogeneity_scores(moments, fit)
        return residual_tests.robust_exogeneity(moments, fit, moments.middle([scores], study.groups)[0])

    return endogeneity("robust Durbin-Wu-Hausman", statistic)


def endogeneity(name: str, statistic: Callable[[], tuple[float, int | tuple[int, int]]]) -> HypothesisTest:
    """A test from its statistic, or the reason why there is none.

    Parameters
    ----------
    name : str
    statistic : callable () -> (statistic, degrees of freedom)
        May raise ``LinAlgError`` where the instruments determine the treatment.
    """
    try:
        value, df = statistic()
    except np.linalg.LinAlgError:
        return HypothesisTest(
            name=name, null=NULL,
            reason="first-stage residuals or those of the outcome are zero, or scores have no invertible covariance.",
        )  # fmt: skip
    p = stats.f.sf(value, *df) if isinstance(df, tuple) else stats.chi2.sf(value, df)
    return HypothesisTest(name=name, null=NULL, statistic=value, df=df, p_value=float(p))


def endogeneity_verdict(test: HypothesisTest, outcome: str, treatment: str) -> Diagnostic:
    """The test as a note to a result; never alarming, because either answer is a proper one.

    Parameters
    ----------
    test : HypothesisTest
    outcome, treatment : str
        Names for the sentence.
    """
    reference = f"below {REJECT:g} if the instrument is needed"
    if test.p_value is None:
        sentence = f"Whether least squares would have done is not tested: {test.reason}"
    elif test.p_value < REJECT:
        sentence = (
            f"Least squares gives another answer than the instruments ({test.figures}): if the instruments are valid, "
            f"{treatment} and {outcome} share unmeasured causes."
        )
    else:
        sentence = (
            f"Least squares and the instruments differ by no more than chance ({test.figures}): at the precision of "
            f"the instruments there is no sign of unmeasured causes of {treatment} and {outcome}."
        )
    return Diagnostic("endogeneity", test.p_value, reference, "ok", sentence)
