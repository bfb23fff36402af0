"""What the tables on instruments share in drawing and in measuring.

The published programmes number their replications and seed each by its number; the runner seeds a generator by the name
of the cell and the number of the replication. So that the two meet on the same data, draws take the number back.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from yinguo.core.study import Study
from yinguo.datasets.draw import Draw

__all__ = ["binary_errors", "curve_errors", "replication_of", "with_validation_rows"]


def replication_of(rng: np.random.Generator) -> int:
    """Number of the replication for which the runner made this generator."""
    sequence = rng.bit_generator.seed_seq
    spawned = getattr(sequence, "spawn_key", ())
    return int(spawned[-1]) if spawned else 0


def with_validation_rows(draw: Draw) -> Draw:
    """Training and validation rows as one study, for methods that choose their own validation rows.

    Parameters
    ----------
    draw : Draw
        From a set with a treatment of two values.
    """
    first, second = draw.study, draw.extras["validation"]
    study = Study.from_arrays(
        np.vstack([first.X, second.X]),
        np.concatenate([first.T, second.T]),
        np.concatenate([first.Y, second.Y]),
        Z=np.vstack([np.asarray(first.Z), np.asarray(second.Z)]),
        covariates=first.covariates,
        treatment=first.roles["treatment"],
        outcome=first.roles["outcome"],
    )
    return replace(draw, study=study)


def curve_errors(fitted: Any, draw: Draw) -> Mapping[str, float]:
    """Mean squared error on every test set of the draw, and its decimal logarithm, whose spread is less skewed.

    Parameters
    ----------
    fitted : estimator with ``predict(X, T)``
        One that has ``predict_with(X, T, Z)`` is given the instruments of the points where they have some.
    draw : Draw
    """
    found = {}
    for name, points in draw.extras["test"].items():
        predict = fitted.predict
        if points.Z is not None and hasattr(fitted, "predict_with"):
            predict = partial(fitted.predict_with, Z=points.Z)
        error = points.squared_error(predict)
        found[f"MSE {name}"] = error
        if error > 0:
            found[f"log10 MSE {name}"] = math.log10(error)
    return found


def binary_errors(fitted: Any, draw: Draw) -> Mapping[str, float]:
    """Errors of the average effect by other standards than the table's.

    The published truth, the mean over the rows used, and the test rows of which the method has seen nothing.

    Parameters
    ----------
    fitted : estimator with a result, and with ``predict(X, T)`` for the test rows
    draw : Draw
        From a set with a treatment of two values.
    """
    estimate, extras = float(fitted.result_.estimate), draw.extras
    found = {
        "less published truth": estimate - extras["published_truth"],
        "less mean of all rows": estimate - extras.get("sample_ate", draw.truth["ATE"]),
    }
    if hasattr(fitted, "effect"):
        unseen = float(np.mean(fitted.effect(extras["test"]["treated"].X, 0.0, 1.0)))
        found["test rows less truth"] = unseen - draw.truth["ATE"]
    return found
