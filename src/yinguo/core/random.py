"""Randomness is passed in, never global: one ``random_state`` is spawned to every child."""

import numpy as np

from yinguo.errors import DataError

__all__ = ["as_rng", "spawn"]


def as_rng(random_state) -> np.random.Generator:
    """A generator from an int, a SeedSequence, a generator (used as it is) or None (fresh entropy)."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if random_state is None or isinstance(random_state, int | np.integer | np.random.SeedSequence):
        return np.random.default_rng(random_state)
    raise DataError(f"random_state is {random_state!r}; pass an int, a numpy Generator, a SeedSequence or None.")


def spawn(random_state, n: int) -> list[np.random.SeedSequence]:
    """``n`` independent seeds, the same ones for the same ``random_state``; a generator advances."""
    if isinstance(random_state, np.random.Generator):
        random_state = int(random_state.integers(2**63))
    if isinstance(random_state, np.random.SeedSequence):
        # A SeedSequence counts its children; rebuild it so that asking twice gives the same seeds.
        random_state = np.random.SeedSequence(random_state.entropy, spawn_key=random_state.spawn_key)
        return random_state.spawn(n)
    return np.random.SeedSequence(random_state).spawn(n)
