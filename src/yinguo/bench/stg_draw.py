"""Draws of the table `stg`: the released training rows, fresh rows to choose by, and four tests."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.bench.spec import Material
from yinguo.language.stg import STGRow, stg_rows, stg_split

__all__ = ["FRESH", "STGStudy", "draw"]

#: Fresh test rows of each law; the released files have 400.
FRESH = 2000


@dataclass(frozen=True, slots=True)
class STGStudy:
    """All that a method of the table sees.

    Attributes
    ----------
    train, validation : tuples of STGRow
        Of the same law; settings and epochs are chosen by the second.
    decoder_seed : int
        Of the decoder's pre-training, the same for all methods and sizes of one replication.
    """

    train: tuple[STGRow, ...]
    validation: tuple[STGRow, ...]
    decoder_seed: int


def draw(rng: np.random.Generator, *, size: str) -> Material:
    """Rows to learn from and to choose by, and four tests.

    Parameters
    ----------
    rng : numpy Generator
    size : {"S", "M", "L"}
    """
    validation, alike, shifted = (int(seed) for seed in rng.integers(2**62, size=3))
    study = STGStudy(
        train=stg_split(f"train-{size.lower()}"),
        validation=stg_rows(400, random_state=validation),
        decoder_seed=_decoder_seed(rng),
    )
    return Material(
        study=study,
        extras={
            "IID": stg_rows(FRESH, random_state=alike),
            "OOD": stg_rows(FRESH, shifted=True, random_state=shifted),
            "IID released": stg_split("test-iid"),
            "OOD released": stg_split("test-ood"),
        },
    )


def _decoder_seed(rng: np.random.Generator) -> int:
    """The same in all cells of a replication: what a decoder was pre-trained on does not depend on the rows to come."""
    sequence: Any = rng.bit_generator.seed_seq
    # The runner's streams are spawned by cell and replication; another stream has a decoder of its own.
    key = sequence.spawn_key[-1:] if len(sequence.spawn_key) == 2 else (int(rng.integers(2**31)),)
    return int(np.random.SeedSequence(sequence.entropy, spawn_key=key).generate_state(1)[0])
