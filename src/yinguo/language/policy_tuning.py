"""The machinery that all preference methods share: texts set apart, one loop, looks at a value, and when to stop.

A method says what it minimises on a batch; everything else is the same for all of them, so that a comparison of two is
one of their objectives. Part of the texts is set apart. After every few steps the value of the model is estimated from
them, with the effective sample size of the weights behind the estimate and the divergence from the first model. A
model that went further than is allowed is first pulled back, along the straight line of its weights. The weights of the
best look are kept. A look does not count if the effective sample is under a tenth of the texts; tuning ends when
several looks in a row brought no better. If no look was better than the first model, the first model it is.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from yinguo.core.checks import check_number, check_whole
from yinguo.core.random import as_rng
from yinguo.errors import DataError
from yinguo.language.off_policy import PolicyValue, doubly_robust_value, inverse_probability_value, outcome_value
from yinguo.language.outcome_texts import DrawnTexts, Features, OutcomeTexts
from yinguo.language.policy_run import PolicyRun, batch_scores, check_material, drawn_ratio
from yinguo.language.preference_losses import divergence_estimate
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator
from yinguo.nets.stage import split_rows
from yinguo.nets.trainer import Batch, History, Trainer, Validation

__all__ = ["Look", "PolicyTuning"]


@dataclass(frozen=True, slots=True)
class Look:
    """The tuned model as seen from the texts set apart.

    Attributes
    ----------
    value : float
        Estimated value, in the unit of the outcome.
    share : float
        Effective sample size of the weights behind it, as a share.
    divergence : float
        Estimated Kullback-Leibler divergence from the first model, in nats.
    counts : bool
        Whether the look may be chosen: the share is a tenth at least.
    """

    value: float
    share: float
    divergence: float
    counts: bool


_log = logging.getLogger("yinguo.language")

#: Most texts drawn from which the divergence is estimated where it is limited.
_DISTANCE_TEXTS = 1024


class PolicyTuning:
    """Common part of the methods; a subclass defines ``material`` and ``losses``.

    Parameters
    ----------
    learning_rate : float
        Of Adam.
    steps : int
        Most steps.
    batch_size : int
        Texts read in a batch; each brings its ``draws`` texts drawn.
    draws : int
        Texts drawn from the first model for each text read.
    clip : float or None
        Bound on the log-ratios, in nats.
    normalise : bool
        Divide weights by their mean.
    divergence : float or None
        Furthest that the model may go from the first one, in nats; looked at as often as the value is.
    judge : {"dr", "ipw", "outcome"}
        Which estimate of the value decides what is kept.
    outcome_model : regressor, optional
    features : callable, optional
    folds : int
        Folds of the outcome model; 0 takes it as it is, fitted before.
    held_out : float
        Share of the texts set apart.
    every, patience : int
        Steps between two looks; looks without a better one after which tuning ends.
    end : int, optional
        Token that ends a text, for drawing.
    device : str
    random_state : int, Generator or None
    """

    #: Estimate of the value by which a method judges itself unless told otherwise.
    judged_by: ClassVar[str] = "dr"

    def __init__(
        self,
        *,
        learning_rate: float = 1e-3,
        steps: int = 300,
        batch_size: int = 128,
        draws: int = 2,
        clip: float | None = 3.0,
        normalise: bool = True,
        divergence: float | None = None,
        judge: str | None = None,
        outcome_model: Any = None,
        features: Features | None = None,
        folds: int = 5,
        held_out: float = 0.2,
        every: int = 10,
        patience: int = 5,
        end: int | None = None,
        device: str = "cpu",
        random_state: Any = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.steps = steps
        self.batch_size = batch_size
        self.draws = draws
        self.clip = clip
        self.normalise = normalise
        self.divergence = divergence
        self.judge = judge
        self.outcome_model = outcome_model
        self.features = features
        self.folds = folds
        self.held_out = held_out
        self.every = every
        self.patience = patience
        self.end = end
        self.device = device
        self.random_state = random_state

    def fit(self, policy: Any, texts: OutcomeTexts, drawn: DrawnTexts | None = None) -> "PolicyTuning":
        """Tune a model; it is changed in place.

        Parameters
        ----------
        policy : nn.Module
            Returns logits. Only parameters that require a gradient are changed, so that adapters of peft are tuned
            alone. As it is now it is the fixed model f0.
        texts : OutcomeTexts
        drawn : DrawnTexts, optional
            Texts of this model drawn before; None draws them.

        Returns
        -------
        self, with ``policy_``, ``history_``, ``looks_`` (one :class:`Look` each), ``first_`` and ``best_``
        (:class:`PolicyValue` of the first model and of the one kept, on the texts set apart) and ``kept_first_``.
        """
        self.check_options()
        check_material(policy, texts)
        if len(texts.Y) < 10:
            raise DataError(f"there are {len(texts.Y)} texts; tuning and judging need at least 10.")
        rng = as_rng(self.random_state)
        generator = make_generator(int(rng.integers(2**62)))
        run = PolicyRun(self, policy, texts, drawn, generator, rng)
        train, held = split_rows(len(texts.Y), self.held_out, rng)
        apart = {name: value[torch.as_tensor(held)].to(self.device) for name, value in run.data.items()}
        learned = self.material({name: value[torch.as_tensor(train)] for name, value in run.data.items()}, rng)
        # A limit has to be kept on more texts than a figure that is only shown.
        distant = apart if self.divergence is None else run.some(_DISTANCE_TEXTS)
        self.looks_: list[Look] = []
        first = {name: value.clone() for name, value in run.state_dict().items()}
        self.first_ = self._judged(run, apart)
        trainer = Trainer(
            epochs=max(1, self.steps // self.every), batch_size=self.batch_size, steps_per_epoch=self.every,
            generator=generator, device=self.device,
        )  # fmt: skip
        says = f"{self.judge or self.judged_by} value of texts set apart, negative"
        self.history_: History = trainer.fit(
            run, learned, Validation(says, lambda: self._look(run, apart, distant, first), patience=self.patience)
        )
        counted = [look.value for look in self.looks_ if look.counts]
        self.kept_first_ = not counted or max(counted) <= self.first_.estimate
        if self.kept_first_:
            run.load_state_dict(first)
        run.release()
        self.best_ = self.first_ if self.kept_first_ else self._judged(run, apart)
        self.policy_ = policy
        return self

    def check_options(self) -> None:
        """Refuse options out of range before anything is drawn; a subclass adds its own.

        Raises
        ------
        DataError
        """
        for name in ("steps", "batch_size", "draws", "every"):
            check_whole(name, getattr(self, name))
        check_whole("patience", self.patience, none=True)
        check_whole("folds", self.folds, least=0)
        check_whole("end", self.end, least=0, none=True)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("held_out", self.held_out, above=0, below=1)
        check_number("clip", self.clip, above=0, none=True)
        check_number("divergence", self.divergence, least=0, none=True)
        if self.judge not in (None, "dr", "ipw", "outcome"):
            raise DataError(f"judge is {self.judge!r}; it must be 'dr', 'ipw', 'outcome' or None.")
        if self.features is not None and not callable(self.features):
            raise DataError(f"features is {self.features!r}; give a function of tokens and padding, or None.")

    def material(self, data: Batch, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """What a batch is made of, row by row, from the texts to learn from; the texts themselves unless told else."""
        return dict(data)

    def losses(self, policy: Any, batch: Batch) -> Mapping[str, torch.Tensor]:
        """What is minimised on a batch."""
        raise NotImplementedError(f"{type(self).__name__} does not define losses")

    def _look(self, run: PolicyRun, apart: Batch, drawn: Batch, first: Mapping[str, torch.Tensor]) -> float:
        gone = self._pull_back(run, drawn, first)
        value = self._judged(run, apart)
        share = min(float(check.value or 0.0) for check in value.diagnostics)
        self.looks_.append(Look(value.estimate, share, gone, share >= 0.1))
        _log.debug("value %.4g, effective share %.3f, divergence %.3f nats", value.estimate, share, gone)
        return -value.estimate if share >= 0.1 else float("inf")

    def _pull_back(self, run: PolicyRun, drawn: Batch, first: Mapping[str, torch.Tensor]) -> float:
        """The divergence from the first model, after the weights were moved towards its own if it was too large."""
        gone = found = float(divergence_estimate(drawn_ratio(run.policy, drawn)))
        if self.divergence is None or found <= self.divergence:
            return found
        last = {name: value.clone() for name, value in run.state_dict().items()}
        share = 1.0
        for _ in range(8):
            # Near the first model divergence goes with the square of the step.
            share *= 0.99 * (self.divergence / gone) ** 0.5
            run.load_state_dict({name: first[name] + share * (last[name] - first[name]) for name in last})
            gone = float(divergence_estimate(drawn_ratio(run.policy, drawn)))
            if gone <= self.divergence:
                break
        return gone

    @torch.no_grad()
    def _judged(self, run: PolicyRun, apart: Batch) -> PolicyValue:
        judge = self.judge or self.judged_by
        options: dict[str, Any] = {"normalise": self.normalise, "clip": self.clip}
        numbers = {name: apart[name].cpu().numpy().astype(np.float64) for name in ("Y", "g", "g_drawn")}
        drawn = drawn_ratio(run.policy, apart).cpu().numpy()
        if judge == "outcome":
            return outcome_value(numbers["g_drawn"].ravel(), drawn, **options)
        read = (batch_scores(run.policy, apart).total - apart["log_read"]).cpu().numpy()
        if judge == "ipw":
            return inverse_probability_value(numbers["Y"], read, **options)
        return doubly_robust_value(numbers["Y"], numbers["g"], read, numbers["g_drawn"].ravel(), drawn, **options)
