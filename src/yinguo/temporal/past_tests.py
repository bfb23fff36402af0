r"""Two checks of what causal regression assumes of the past: hidden causes without a memory, no lagged edge.

*Memory*: under the model the outcome's residual is new at every step, so values one step further back than those used
are unrelated to it. Hansen's J with them as further instruments tests that.

*Residual correlation*: the treatment given its past is as good as random if nothing hidden is shared at the same step.
The robust test of exogeneity compares the effect from the previous step with plain regression given *all* previous
values. With the linear model both are functions of one number: how much :math:`P_T` still says about :math:`Y_t` given
:math:`T_t` and the controls.
"""

import numpy as np

from yinguo.core.diagnostic import Diagnostic
from yinguo.core.study import Study
from yinguo.diagnose.endogeneity import robust_exogeneity_test
from yinguo.diagnose.hypothesis_test import HypothesisTest
from yinguo.errors import DataError, NotIdentifiedError

__all__ = ["REJECT", "memory_verdict", "residual_correlation_verdict"]

#: p-value below which a check speaks up.
REJECT = 0.05
REFERENCE = f"p-value of at least {REJECT:g}"


def memory_verdict(test: HypothesisTest, lags: int, treatment: str, outcome: str) -> Diagnostic:
    """What values further back say.

    Parameters
    ----------
    test : HypothesisTest
        Hansen's J with values ``lags + 1`` steps back as further instruments.
    lags : int
    treatment, outcome : str
    """
    if test.p_value is None:
        return Diagnostic(
            "memory", None, REFERENCE, "ok", f"Whether the past reaches further is not tested: {test.reason}"
        )
    if test.p_value >= REJECT:
        sentence = (
            f"Values {lags + 1} steps back say nothing more ({test.figures}): no sign of a hidden cause with a memory. "
            "A lagged edge would not show here."
        )
        return Diagnostic("memory", test.p_value, REFERENCE, "ok", sentence)
    sentence = (
        f"Values {lags + 1} steps back still matter for {outcome} ({test.figures}): what {treatment} and {outcome} "
        "share unmeasured depends on its past, or effects take longer than a step. The estimate is not to be "
        "trusted; more lags may help if it is the latter."
    )
    return Diagnostic("memory", test.p_value, REFERENCE, "stop", sentence)


def residual_correlation_verdict(table: Study, moved=()) -> Diagnostic:
    """Whether a hidden common cause or a lagged edge is there; which of the two cannot be told.

    Parameters
    ----------
    table : Study
        As made by :func:`yinguo.temporal.previous_step.stage`.
    moved : sequence of str
        Covariates that are instrumented as well.
    """
    treatment, outcome, name = table.roles["treatment"], table.roles["outcome"], "residual-correlation"
    try:
        test = robust_exogeneity_test(table, endogenous=moved)
    except (DataError, NotIdentifiedError, np.linalg.LinAlgError) as error:
        return Diagnostic(name, None, REFERENCE, "ok", f"Not tested: {error}")
    if test.p_value is None:
        return Diagnostic(name, None, REFERENCE, "ok", f"Not tested: {test.reason}")
    if test.p_value >= REJECT:
        sentence = (
            f"Given present values, the previous ones of {treatment} say nothing more about {outcome} "
            f"({test.figures}): no sign of a common cause within the step nor of a lagged edge."
        )
        return Diagnostic(name, test.p_value, REFERENCE, "ok", sentence)
    sentence = (
        f"Regression given the past differs from the estimate ({test.figures}). Either {treatment} and {outcome} share "
        f"a cause within the step or {outcome} moves {treatment}, which the estimate allows for, or {treatment} "
        f"reaches {outcome} a step later by an edge of its own, which makes it wrong. These data cannot tell; "
        f"an instrument of {treatment} besides (role instruments) could."
    )
    return Diagnostic(name, test.p_value, REFERENCE, "look", sentence)
