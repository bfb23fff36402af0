"""Rows of the tables ``dr-values`` and ``cpo``: value estimates, and models tuned from what a table hands out."""

import copy
import importlib
from collections.abc import Mapping, Sequence
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
    """The model as it was handed out.

    Parameters
    ----------
    None
    """

    def fit(self, study: TuningStudy) -> "FirstModel":
        """Nothing is learned."""
        self.policy_ = study.policy
        self.gain_: float | None = None
        return self


class TunedPolicy:
    """A method with one of several settings, chosen by the estimated gain on texts set apart.

    Parameters
    ----------
    path : str
        ``"module:Class"`` of a method.
    options : mapping, optional
        Options of every setting.
    settings : sequence of mappings, optional
        Options of each setting; None is one, without any.
    random_state : int
        The same for every setting: they meet the same split and the same texts drawn.
    """

    def __init__(
        self,
        *,
        path: str,
        options: Mapping[str, Any] | None = None,
        settings: Sequence[Mapping[str, Any]] | None = None,
        random_state: int = 0,
    ) -> None:
        self.path = path
        self.options = options
        self.settings = settings
        self.random_state = random_state

    def fit(self, study: TuningStudy) -> "TunedPolicy":
        """Tune a copy of the model by each setting and keep the best."""
        module, name = self.path.split(":")
        method = getattr(importlib.import_module(module), name)
        given: dict[str, Any] = {**(self.options or {}), "random_state": self.random_state}
        if study.outcome_model is not None:
            given |= {"outcome_model": study.outcome_model, "folds": 0}
        self.gain_, self.policy_ = -np.inf, None
        for setting in self.settings or ({},):
            tuned = method(**given, **setting).fit(copy.deepcopy(study.policy), study.texts)
            gain = (tuned.best_ - tuned.first_).estimate
            if gain > self.gain_:
                self.gain_, self.policy_, self.kept_first_ = gain, tuned.policy_, tuned.kept_first_
        return self
