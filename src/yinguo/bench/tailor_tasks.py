"""Small tasks on lists of symbols, and a small decoder that learns them: what a model can forget.

A sequence is a token that names the task, six symbols, an equals sign, and the six symbols of the answer. Performance
is the share of answer symbols predicted right from the true ones before them; a guess is right one time in ten.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from yinguo.language.small_gpt import SmallGPT
from yinguo.nets import nn, torch
from yinguo.nets.blocks import make_generator
from yinguo.nets.stage import Stage
from yinguo.nets.trainer import Batch, Epoch, Trainer

__all__ = ["NEW", "ORIGINAL", "TASKS", "accuracy", "examples", "new_model", "train"]

SYMBOLS, ITEMS = 10, 6
#: What each task makes of (n, 6) symbols.
TASKS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "copy": lambda x: x,
    "reverse": lambda x: x[:, ::-1],
    "add one": lambda x: (x + 1) % SYMBOLS,
    "rotate left": lambda x: np.roll(x, -1, axis=1),
    "swap neighbours": lambda x: x.reshape(-1, ITEMS // 2, 2)[:, :, ::-1].reshape(-1, ITEMS),
    "subtract two": lambda x: (x - 2) % SYMBOLS,
    "rotate right twice": lambda x: np.roll(x, 2, axis=1),
}
ORIGINAL = ("copy", "reverse", "add one", "rotate left")
NEW = ("swap neighbours", "subtract two", "rotate right twice")
EQUALS = SYMBOLS
_NAMES = {name: SYMBOLS + 1 + place for place, name in enumerate(TASKS)}
LENGTH = 2 * ITEMS + 2


def examples(task: str, count: int, rng: np.random.Generator) -> torch.Tensor:
    """(count, 14) sequences of one task."""
    x = rng.integers(SYMBOLS, size=(count, ITEMS))
    name, equals = (np.full((count, 1), token) for token in (_NAMES[task], EQUALS))
    return torch.tensor(np.concatenate([name, x, equals, TASKS[task](x)], axis=1))


def new_model(seed: int) -> SmallGPT:
    """An untrained decoder of two layers."""
    return SmallGPT(
        vocabulary=SYMBOLS + 1 + len(TASKS), length=LENGTH, width=64, layers=2, heads=4, dropout=0.0,
        generator=make_generator(seed),
    )  # fmt: skip


class _Answers(Stage):
    """The answer's symbols predicted one by one, and a penalty if there is one."""

    def __init__(self, model: nn.Module, penalty: Callable[[nn.Module], torch.Tensor] | None, rate: float) -> None:
        super().__init__(learning_rate=rate)
        self.model = model
        self.penalty = penalty

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        tokens = batch["tokens"]
        logits = self.model(tokens[:, :-1]).logits[:, ITEMS + 1 :]
        found = {"answer": nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, ITEMS + 2 :].flatten())}
        if self.penalty is not None:
            found["distance"] = self.penalty(self.model)
        return found


def train(
    model: nn.Module,
    tokens: torch.Tensor,
    *,
    epochs: int,
    rate: float,
    seed: int,
    batch_size: int = 32,
    penalty: Callable[[nn.Module], torch.Tensor] | None = None,
    callbacks: Sequence[Callable[[Epoch, nn.Module], bool | None]] = (),
) -> None:
    """Tune a model on sequences, in place: Adam, the rate falling along a half cosine."""
    stage = _Answers(model, penalty, rate)
    stage.steps = epochs * max(1, round(len(tokens) / batch_size))
    trainer = Trainer(epochs=epochs, batch_size=batch_size, generator=make_generator(seed), callbacks=callbacks)
    trainer.fit(stage, {"tokens": tokens})


@torch.no_grad()
def accuracy(model: nn.Module, tokens: torch.Tensor) -> float:
    """Share of the answers' symbols that are predicted right."""
    model.eval()
    guess = model(tokens[:, :-1]).logits[:, ITEMS + 1 :].argmax(-1)
    return float((guess == tokens[:, ITEMS + 2 :]).float().mean())
