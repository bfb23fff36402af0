"""Plain fine-tuning: the model that CPO takes for the law of the texts that were read, and starts from.

Likelihood of the texts, the weights of the epoch with the highest one on texts set apart.
"""

from collections.abc import Mapping
from typing import Any

from yinguo.core.checks import check_number, check_whole
from yinguo.core.random import as_rng
from yinguo.errors import DataError
from yinguo.language.outcome_texts import OutcomeTexts
from yinguo.language.policy_run import TunedPart, batch_scores, check_material
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator
from yinguo.nets.stage import split_rows
from yinguo.nets.trainer import Batch, History, Trainer, Validation

__all__ = ["FineTuning"]


class FineTuning:
    """Maximum likelihood.

    **Use it when** texts came to readers with chances that were not kept: the tuned model stands for them. **Not when**
    those chances depend on anything hidden that moves the outcome: no law of the texts alone can undo that.

    **Assumes** nothing about outcomes; it does not look at them.

    **Where we differ from the paper or its code, and why.** Nothing of note.

    Parameters
    ----------
    learning_rate : float, default 0.001
        Of Adam.
    epochs : int, default 20
        Most passes over the texts.
    batch_size : int, default 64
    patience : int, default 3
        Epochs without a better one after which tuning ends.
    held_out : float, default 0.1
        Share of the texts set apart.
    device : str, default "cpu"
    random_state : int, Generator or None, default None
    """

    def __init__(
        self,
        *,
        learning_rate: float = 1e-3,
        epochs: int = 20,
        batch_size: int = 64,
        patience: int = 3,
        held_out: float = 0.1,
        device: str = "cpu",
        random_state: Any = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.held_out = held_out
        self.device = device
        self.random_state = random_state

    def fit(self, policy: Any, texts: OutcomeTexts) -> "FineTuning":
        """Tune a model; it is changed in place, of its parameters those that require a gradient.

        Parameters
        ----------
        policy : nn.Module
            Returns logits.
        texts : OutcomeTexts
            Outcomes are not used.

        Returns
        -------
        self, with ``policy_`` and ``history_``
        """
        check_number("learning_rate", self.learning_rate, above=0)
        check_whole("epochs", self.epochs)
        check_whole("batch_size", self.batch_size, none=True)
        check_whole("patience", self.patience, none=True)
        check_number("held_out", self.held_out, above=0, below=1)
        check_material(policy, texts)
        if len(texts.Y) < 2:
            raise DataError(f"there are {len(texts.Y)} texts; give at least one to learn from and one to judge by.")
        rng = as_rng(self.random_state)
        data = {"tokens": texts.tokens, "padding": texts.real, "prompt": texts.given}
        train, held = split_rows(len(texts.Y), self.held_out, rng)
        learned = {name: value[torch.as_tensor(train)] for name, value in data.items()}
        apart = {name: value[torch.as_tensor(held)].to(self.device) for name, value in data.items()}
        run = _Likelihood(policy, self.learning_rate)
        trainer = Trainer(
            epochs=self.epochs, batch_size=self.batch_size, generator=make_generator(int(rng.integers(2**62))),
            device=self.device,
        )  # fmt: skip
        says = "negative log-likelihood per token of texts set apart"
        self.history_: History = trainer.fit(
            run, learned, Validation(says, lambda: float(run.losses(apart)["likelihood"]), patience=self.patience)
        )
        run.release()
        self.policy_ = policy
        return self


class _Likelihood(TunedPart):
    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        scores = batch_scores(self.policy, batch)
        return {"likelihood": -scores.total.sum() / scores.count.sum()}
