"""Outcomes hidden by a selection indicator, and test rows kept back among those seen and those not seen alike."""

import numpy as np

from yinguo.core.study import Study
from yinguo.datasets.draw import Draw, EffectPoints

__all__ = ["hide_outcomes", "split_by_selection"]


def split_by_selection(draw: Draw, rng: np.random.Generator, *, test: float = 0.2) -> Draw:
    """Keep back a share of the rows seen and the same share of those not seen.

    Parameters
    ----------
    draw : Draw
        All rows, with a selection indicator; of the extras ``outcome``, that of every row whether seen or not, and
        ``mu0`` and ``mu1`` where mean outcomes are known.
    rng : Generator
    test : float in (0, 1)

    Returns
    -------
    Draw
        The study without the rows kept back. Extras: ``test`` maps "selected" and "unselected" to
        :class:`EffectPoints`, and ``test_rows`` to their numbers in the table; extras with a value for every row are
        cut to the rows of the study, the others stay as they are, and so does the truth, which is of all rows.
    """
    study, parts = draw.study, {}
    for name, value in (("selected", 1.0), ("unselected", 0.0)):
        rows = rng.permutation(np.flatnonzero(value == study.S))
        parts[name] = np.sort(rows[: max(1, round(test * len(rows)))])
    known = {name: draw.extras.get(name) for name in ("mu0", "mu1")}
    points = {
        name: EffectPoints(
            X=study.X[rows],
            T=study.T[rows],
            Y=draw.extras["outcome"][rows],
            **{key: value if value is None else value[rows] for key, value in known.items()},
        )
        for name, rows in parts.items()
    }
    rest = np.setdiff1d(np.arange(study.n), np.concatenate(list(parts.values())))
    cut = {
        name: value[rest] if isinstance(value, np.ndarray) and len(value) == study.n else value
        for name, value in draw.extras.items()
    }
    return Draw(
        study=study.take(rest),
        truth=draw.truth,
        about=draw.about,
        extras={**cut, "test": points, "test_rows": parts},
    )


def hide_outcomes(study: Study, S: np.ndarray) -> Study:
    """The same rows with a selection indicator, outcomes missing where it is 0.

    Parameters
    ----------
    study : Study
        Of outcome, treatment and covariates.
    S : (n,) float array of 0 and 1
    """
    return Study.from_arrays(
        study.X, study.T, np.where(S == 1, study.Y, np.nan), S=S, covariates=study.covariates,
        treatment=study.roles["treatment"], outcome=study.roles["outcome"],
    )  # fmt: skip
