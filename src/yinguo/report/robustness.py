"""How strong would an unmeasured confounder have to be? Asked for the headline result only."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core import words
from yinguo.core.diagnostic import Diagnostic
from yinguo.errors import YinguoError

__all__ = ["Robustness", "robustness_of"]

#: How the E-value was reached, for other outcomes and for binary ones.
_SCALES = (
    "from the estimate and its interval in standard deviations of the outcome within the arms",
    "from the estimate and its interval as a risk difference, at the risk without treatment",
)


@dataclass(frozen=True, slots=True)
class Robustness:
    """Sensitivity of one result to what was not measured.

    Attributes
    ----------
    method : str
        The headline method.
    findings : tuple of (title, how it was computed, Diagnostic)
    benchmarks : tuple of dict
        What is left if the confounder is as strong as a measured covariate; keys as in
        :class:`yinguo.diagnose.sensitivity.Benchmark`.
    missing : tuple of str
        What could not be computed and why.
    """

    method: str
    findings: tuple[tuple[str, str, Diagnostic], ...]
    benchmarks: tuple[Any, ...]
    missing: tuple[str, ...]


def robustness_of(result: Any, study: Any, method: str) -> Robustness:
    """E-value and robustness value of a result.

    Parameters
    ----------
    result : EffectResult
    study : Study
        Given apart, because a result that came from another process has lost it.
    method : str
        How the page calls the result.
    """
    from yinguo.diagnose.study_level import result_e_value, study_sensitivity

    findings: list[tuple[str, str, Diagnostic]] = []
    benchmarks: tuple[Any, ...] = ()
    missing = []
    try:
        findings.append(("E-value", _SCALES[study.outcome_kind == "binary"], result_e_value(result, study).diagnostic))
    except (YinguoError, OverflowError) as error:
        missing.append(f"E-value: {error}")
    try:
        found = study_sensitivity(study)
        how = (
            "for the least-squares regression on the same covariates, whose estimate is "
            f"{words.number(found.estimate)} (classical standard error {words.number(found.se)})"
        )
        findings.append(("Robustness value", how, found.diagnostic))
        benchmarks = found.benchmarks
    except (YinguoError, np.linalg.LinAlgError) as error:
        missing.append(f"Robustness value: {error}")
    return Robustness(method, tuple(findings), benchmarks, tuple(missing))
