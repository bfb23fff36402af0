"""Rows of the table `stg`: small decoders tuned with and without Re-Attention, and lines that read the numbers."""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

from yinguo.bench.stg_draw import STGStudy
from yinguo.language.look_up import PretrainedDecoder
from yinguo.language.small_gpt import AttentionPart, SelfAttention
from yinguo.language.stg import STGRow
from yinguo.language.stg_reader import STGReader, pretrained_stg_decoder

__all__ = ["Line", "Tuned", "decoder"]


@functools.lru_cache(maxsize=4)
def decoder(seed: int, attention: AttentionPart) -> PretrainedDecoder:
    """The decoder to start from, remembered for the next method and size of the same replication."""
    return pretrained_stg_decoder(attention=attention, random_state=seed)


class Tuned:
    """A small decoder tuned on the training rows; of several settings, the one with the least validation loss.

    Parameters
    ----------
    alphas, gammas : sequences of float
        Settings of the Re-Attention loss to choose from, each with each.
    causes_only : bool
        Show the decoder nothing but the causes.
    random_state : int
    """

    attention: AttentionPart = SelfAttention

    def __init__(
        self,
        *,
        alphas: Sequence[float] = (2.0,),
        gammas: Sequence[float] = (0.0,),
        causes_only: bool = False,
        random_state: int = 0,
    ) -> None:
        self.alphas = alphas
        self.gammas = gammas
        self.causes_only = causes_only
        self.random_state = random_state

    def fit(self, study: STGStudy) -> "Tuned":
        """Tune with every setting and keep one."""
        start = decoder(study.decoder_seed, type(self).attention)
        readers = [
            STGReader(
                start=start, alpha=alpha, gamma=gamma, causes_only=self.causes_only,
                # The same batches and masks for every setting: what differs is the setting.
                random_state=self.random_state,
            ).fit(study.train, study.validation)
            for alpha, gamma in itertools.product(self.alphas, self.gammas)
        ]  # fmt: skip
        self.reader_ = min(readers, key=lambda reader: reader.validation_loss_)
        return self

    def predict(self, rows: Sequence[STGRow]) -> list[str]:
        """A label for each row."""
        return self.reader_.predict(rows)

    def figures(self, rows: Sequence[STGRow]) -> dict[str, float]:
        """What is told beside accuracies: attention on the causes, and the setting where there was a choice."""
        told = {"attention on causes, %": 100 * self.reader_.causal_mass(rows)}
        return told | {"alpha": self.reader_.alpha} if len(self.alphas) > 1 else told


class Line:
    """A reference line fitted to the training rows; it needs no validation rows.

    Parameters
    ----------
    line : object with ``fit(rows)`` and ``predict(rows)``
    """

    def __init__(self, *, line: Any) -> None:
        self.line = line

    def fit(self, study: STGStudy) -> "Line":
        """Fit the line."""
        self.line.fit(study.train)
        return self

    def predict(self, rows: Sequence[STGRow]) -> list[str]:
        """A label for each row."""
        return self.line.predict(rows)
