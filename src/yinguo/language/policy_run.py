"""A model under tuning, with all that is known of the texts before it begins."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.errors import DataError
from yinguo.language.outcome_texts import (
    DrawnTexts,
    OutcomeTexts,
    bag_of_tokens,
    crossfit_outcome,
    draw_texts,
    token_lists,
)
from yinguo.language.sequence_scores import SequenceScores, check_vocabulary, score_sequences
from yinguo.nets import nn, torch
from yinguo.nets.trainer import Batch, Phase

__all__ = ["PolicyRun", "TunedPart", "batch_scores", "check_material", "drawn_ratio", "score_drawn"]


def check_material(policy: Any, texts: Any) -> None:
    """Refuse what is no model, no texts with outcomes, or texts in tokens that the model does not know.

    Raises
    ------
    DataError
    """
    if not isinstance(policy, nn.Module):
        raise DataError(f"the model is {policy!r}; give a loaded one, such as load_checkpoint(...).model.")
    if not isinstance(texts, OutcomeTexts):
        raise DataError(
            f"the texts are a {type(texts).__name__}; give OutcomeTexts, as read_outcomes(...).encode(...)."
        )
    check_vocabulary(policy, texts.tokens)


def batch_scores(policy: Any, batch: Batch, name: str = "tokens", padding: str = "padding") -> SequenceScores:
    """Scores of the texts of a batch, given their prompts."""
    return score_sequences(policy, batch[name], padding=batch[padding], prompt=batch["prompt"])


def score_drawn(policy: Any, batch: Batch) -> SequenceScores:
    """Scores of the (B, k, T) texts drawn, as (B k)."""
    tokens = batch["drawn"]
    return score_sequences(
        policy, tokens.flatten(0, 1), padding=batch["drawn_padding"].flatten(0, 1),
        prompt=batch["prompt"].repeat_interleave(tokens.shape[1]),
    )  # fmt: skip


def drawn_ratio(policy: Any, batch: Batch) -> torch.Tensor:
    """(B k,) log-ratio of each text drawn to the model that it was drawn from."""
    return score_drawn(policy, batch).total - batch["log_drawn"].flatten()


class TunedPart(nn.Module):
    """A model of which some parameters are tuned.

    What is saved and restored is what is tuned: the weights of a large model under its adapters are never copied.

    **Shape**: as the model's own.

    Parameters
    ----------
    policy : nn.Module
        Of its parameters those are tuned that require a gradient.
    learning_rate : float
        Of Adam.
    """

    def __init__(self, policy: Any, learning_rate: float) -> None:
        super().__init__()
        self.policy, self.learning_rate = policy, learning_rate
        self.tuned = {id(p) for p in policy.parameters() if p.requires_grad}
        if not self.tuned:
            raise DataError("no parameter of the model requires a gradient; there is nothing to tune.")

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """What is minimised on a batch."""
        raise NotImplementedError(f"{type(self).__name__} does not define losses")

    def phases(self) -> list[Phase]:
        """One phase that moves what is tuned."""
        parameters = [p for p in self.policy.parameters() if id(p) in self.tuned]
        return [Phase("tune", self.losses, torch.optim.Adam(parameters, lr=self.learning_rate))]

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """What is tuned."""
        return {name: p.detach() for name, p in self.policy.named_parameters() if id(p) in self.tuned}

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Put back what was tuned."""
        with torch.no_grad():
            for name, parameter in self.policy.named_parameters():
                if name in state_dict:
                    parameter.copy_(state_dict[name])

    def release(self) -> None:
        """Leave every parameter as it was found: tuned or not."""
        for parameter in self.policy.parameters():
            parameter.requires_grad_(id(parameter) in self.tuned)


class PolicyRun(TunedPart):
    """A model under tuning, and all there is to know of the texts before it begins.

    The model stays in evaluation mode, since a ratio of probabilities has to be that of the model that is judged.

    **Shape**: as the model's own.

    Parameters
    ----------
    method : PolicyTuning
    policy : nn.Module
    texts : OutcomeTexts
    drawn : DrawnTexts or None
        None draws them.
    generator : torch.Generator
        For drawing.
    rng : numpy Generator
        For folds.
    """

    def __init__(
        self,
        method: Any,
        policy: Any,
        texts: OutcomeTexts,
        drawn: DrawnTexts | None,
        generator: torch.Generator,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(policy.to(method.device).eval(), method.learning_rate)
        self.method = method
        if drawn is None:
            k = method.draws
            tokens, padding = draw_texts(
                policy,
                texts.tokens.repeat_interleave(k, 0).to(method.device),
                length=texts.tokens.shape[1],
                generator=generator,
                given=texts.given.repeat_interleave(k),
                end=method.end,
            )
            drawn = DrawnTexts(tokens.unflatten(0, (-1, k)).cpu(), padding.unflatten(0, (-1, k)).cpu())
        if len(drawn.tokens) != len(texts.tokens):
            raise DataError(f"texts were drawn for {len(drawn.tokens)} prompts and {len(texts.tokens)} texts read; "
                            "draw some for each.")  # fmt: skip
        self.data: dict[str, torch.Tensor] = {
            "tokens": texts.tokens,
            "padding": texts.real,
            "prompt": texts.given,
            "Y": torch.as_tensor(texts.Y, dtype=torch.float32),
            "drawn": drawn.tokens,
            "drawn_padding": drawn.padding,
        }
        g, g_drawn = self._outcomes(texts, drawn, rng)
        first, by_token = self._first_scores()
        self.data |= {
            "g": torch.as_tensor(g, dtype=torch.float32),
            "g_drawn": torch.as_tensor(g_drawn, dtype=torch.float32).view(drawn.tokens.shape[:2]),
            "log_first": first,
            "by_token_drawn": by_token,
            "log_drawn": by_token.sum(dim=-1),
            "log_read": first if texts.log_read is None else torch.as_tensor(texts.log_read, dtype=torch.float32),
        }

    def some(self, count: int) -> dict[str, torch.Tensor]:
        """Rows that hold about so many texts drawn, on the device."""
        rows = max(1, count // self.data["drawn"].shape[1])
        return {name: value[:rows].to(self.method.device) for name, value in self.data.items()}

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Those of the method."""
        return self.method.losses(self.policy, batch)

    def train(self, mode: bool = True) -> "PolicyRun":
        """Never in training mode."""
        return super().train(False)

    def _outcomes(
        self, texts: OutcomeTexts, drawn: DrawnTexts, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        method = self.method
        make = token_lists if method.features is None else method.features
        if method.outcome_model is None and method.folds < 2:
            raise DataError(f"folds is {method.folds}, which needs an outcome_model that was fitted before.")
        return crossfit_outcome(
            bag_of_tokens() if method.outcome_model is None else method.outcome_model,
            make(texts.tokens, texts.real),
            np.asarray(texts.Y, dtype=np.float64),
            make(drawn.tokens.flatten(0, 1), drawn.padding.flatten(0, 1)),
            folds=method.folds,
            random_state=rng,
        )

    @torch.no_grad()
    def _first_scores(self, rows: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
        read, drawn = [], []
        for start in range(0, len(self.data["Y"]), rows):
            part = {name: value[start : start + rows].to(self.method.device) for name, value in self.data.items()}
            read.append(batch_scores(self.policy, part).total.cpu())
            drawn.append(score_drawn(self.policy, part).by_token.view(part["drawn"].shape).cpu())
        return torch.cat(read), torch.cat(drawn)
