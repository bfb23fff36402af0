"""Rows of the Spurious Token Game to tune on and to be judged by, and the figures of a table of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.bench.spec import Material
from yinguo.language.answers import score_answers
from yinguo.language.stg import stg_split

__all__ = ["draw", "measure"]


def draw(rng: np.random.Generator, *, size: str, test: int = 200, train: int | None = None) -> Material:
    """Rows to tune on, and two kinds of rows to be judged by.

    Parameters
    ----------
    rng : numpy Generator
    size : {"s", "m", "l"}
    test : int
    train : int, optional
        Only so many of the training rows.
    """
    extras = {}
    for name in ("iid", "ood"):
        rows = stg_split(f"test-{name}")
        extras[name] = tuple(rows[k] for k in rng.permutation(len(rows))[:test])
    return Material(study=stg_split(f"train-{size}")[:train], extras=extras)


def measure(fitted: Any, drawn: Any) -> Mapping[str, float]:
    """Accuracy on both kinds of rows, in percent, and the causal mass.

    Parameters
    ----------
    fitted : STGTuning
    drawn : Material, what :func:`draw` gave
    """
    found = {}
    for name, rows in drawn.extras.items():
        score = score_answers(
            fitted.answer(rows), [row.label for row in rows], majority="Low Risk", classes=("Low Risk", "High Risk")
        )
        found[f"{name.upper()} accuracy"] = 100 * score.accuracy
        found[f"{name.upper()} balanced"] = 100 * score.balanced_accuracy
    mass = fitted.mass()
    return {"OOD accuracy": found.pop("OOD accuracy"), **found, **({"causal mass": mass} if mass == mass else {})}
