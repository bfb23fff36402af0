"""Rows of the tables ``dr-values`` and ``cpo``: value estimates, and models tuned from what a table hands out."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.language.off_policy import PolicyValue, doubly_robust_value, inverse_probability_value, outcome_value
from yinguo.language.outcome_texts import OutcomeTexts
from yinguo.nets import nn

__all__ = ["FirstModel", "TunedPolicy", "TuningStudy", "ValueEstimate", "ValueStudy"]


@dataclass(frozen=True, slots=True, eq=False)
class ValueStudy:
    """What an analyst holds who wants the value of a model.

    Attributes
    ----------
    Y, g, log_ratio : (n,) float arrays
        Of texts read: outcome, predicted outcome from other folds, log P^f less what is taken for log P^R.
    g_drawn, log_ratio_drawn : (m,) float arrays
        Of texts drawn from the fixed model.
    """

    Y: np.ndarray
    g: np.ndarray
    log_ratio: np.ndarray
    g_drawn: np.ndarray
    log_ratio_drawn: np.ndarray


class ValueEstimate:
    """One of the estimates of :mod:`yinguo.language.off_policy`.

    Parameters
    ----------
    kind : {"ipw", "outcome", "dr"}
    normalise : bool, default True
    clip : float or None, default None
    """

    def __init__(self, *, kind: str, normalise: bool = True, clip: float | None = None) -> None:
        self.kind = kind
        self.normalise = normalise
        self.clip = clip

    def fit(self, study: ValueStudy) -> "ValueEstimate":
        """Estimate the value."""
        options: dict[str, Any] = {"normalise": self.normalise, "clip": self.clip}
        if self.kind == "ipw":
            self.result_: PolicyValue = inverse_probability_value(study.Y, study.log_ratio, **options)
        elif self.kind == "outcome":
            self.result_ = outcome_value(study.g_drawn, study.log_ratio_drawn, **options)
        else:
            self.result_ = doubly_robust_value(
                study.Y, study.g, study.log_ratio, study.g_drawn, study.log_ratio_drawn, **options
            )
        return self


@dataclass(frozen=True, slots=True, eq=False)
class TuningStudy:
    """What a method may see that tunes a model.

    Attributes
    ----------
    texts : OutcomeTexts
    policy : nn.Module
        Fitted to texts of the same law; a method tunes a copy.
    outcome_model : regressor or None
        Fitted elsewhere; None leaves it to the method.
    """

    texts: OutcomeTexts
    policy: nn.Module
    outcome_model: Any = None


class FirstModel:
    """The model as it was handed out."""

    def fit(self, study: TuningStudy) -> "FirstModel":
        """Nothing is learned."""
        self.policy_ = study.policy
        self.gain_: float | None = None
        return self


class TunedPolicy:
    """A method at work on a copy of the first model.

    Parameters
    ----------
    method : PolicyTuning
        Its own ``random_state`` is replaced, and its outcome model if the study brings one.
    random_state : int, default 0
    """

    def __init__(self, *, method: Any, random_state: int = 0) -> None:
        self.method = method
        self.random_state = random_state

    def fit(self, study: TuningStudy) -> "TunedPolicy":
        """Tune."""
        method = copy.copy(self.method)
        method.random_state = self.random_state
        if study.outcome_model is not None:
            method.outcome_model, method.folds = study.outcome_model, 0
        tuned = method.fit(copy.deepcopy(study.policy), study.texts)
        self.policy_ = tuned.policy_
        self.gain_: float | None = (tuned.best_ - tuned.first_).estimate
        return self
