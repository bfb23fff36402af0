"""What every loader and generator returns: a study, and the truth a benchmark may hold it against.

Sets made for learning a curve come in parts, always handed over in the same way. ``study`` holds the training rows.
Of the extras,

* ``validation`` is a :class:`Study` of further rows, for choosing among models without looking at the truth;
* ``test`` maps the name of a test set to the :class:`CurvePoints` of it, where the structural function is known; with a
  treatment of two values they are ``"control"`` and ``"treated"``, the same rows with the treatment set to 0 and to 1;
* ``structure`` is the structural function itself, called as ``structure(X, T)`` like ``predict``, where it is a
  function of what was observed;
* ``mu0`` and ``mu1`` are the mean outcomes of the training rows without and with a treatment of two values;
* ``unobserved`` is a (n, q) array of what the training rows hide.

Sets made for learning effects of single units keep back test rows only. ``study`` then holds all others, of which a
method sets aside what it needs for choosing, and of the extras ``test`` is an :class:`EffectPoints`; ``mu0`` and
``mu1`` are of the rows of the study. Where outcomes are hidden, ``test`` maps "selected" and "unselected" to such
points (:mod:`yinguo.datasets.hidden_outcomes`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yinguo.core.study import Study

__all__ = ["CurvePoints", "Draw", "EffectPoints", "binary_draw", "effect_draw"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CurvePoints:
    """Points at which the structural function is known.

    Attributes
    ----------
    X : (n, p) float array
        Covariates, encoded as in the study.
    T : (n,) float array
        Treatment.
    g : (n,) float array
        The structural function there, in the unit of the outcome.
    Z : (n, q) float array or None
        Instruments, where the points were drawn and not laid out.
    Y : (n,) float array or None
        Outcomes with noise, likewise.
    """

    X: np.ndarray
    T: np.ndarray
    g: np.ndarray
    Z: np.ndarray | None = None
    Y: np.ndarray | None = None

    def squared_error(self, predict: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
        """Mean squared error of a curve at these points.

        Parameters
        ----------
        predict : callable (X, T) -> (n,) array
            E.g. the method of that name of a fitted estimator.

        Returns
        -------
        float
            In the squared unit of the outcome.
        """
        return float(np.mean((predict(self.X, self.T) - self.g) ** 2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EffectPoints:
    """Rows kept back from a study, for judging effects of units that no method has seen.

    Attributes
    ----------
    X : (n, p) float array
        Covariates, encoded as in the study.
    T, Y : (n,) float arrays
        Treatment of 0 and 1; outcome.
    mu0, mu1 : (n,) float arrays or None
        Mean outcomes without and with treatment, in the unit of the outcome; None where nobody knows them.
    """

    X: np.ndarray
    T: np.ndarray
    Y: np.ndarray
    mu0: np.ndarray | None = None
    mu1: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One data set, real or drawn.

    Attributes
    ----------
    study : Study
        All that an estimator may see.
    truth : mapping of estimand to value
        Known effects in this very sample; empty if unknown. Never passed to an estimator.
    about : str
        One line: where it is from.
    extras : mapping
        Further truths, e.g. which columns are confounders, and the other parts of the set (see the module).
    """

    study: Study
    truth: Mapping[str, float] = field(default_factory=dict)
    about: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict)

    def table(self) -> dict[str, np.ndarray]:
        """Columns by name, treatment and outcome first; what ``yinguo datasets NAME --out FILE`` writes."""
        study = self.study
        columns = {study.roles["treatment"]: study.T, study.roles["outcome"]: study.Y}
        if study.Z is not None:
            columns |= {name: study.Z[:, j] for j, name in enumerate(study.instruments)}
        if study.V is not None:
            columns |= {name: study.V[:, j] for j, name in enumerate(study.shadow)}
        single = {"selection": study.S, "groups": study.groups, "time": study.time}
        columns |= {study.roles[role]: values for role, values in single.items() if values is not None}
        return columns | {name: study.X[:, j] for j, name in enumerate(study.covariates)}


def binary_draw(
    *,
    X: np.ndarray,
    Z: np.ndarray,
    T: np.ndarray,
    Y: np.ndarray,
    mu0: np.ndarray,
    mu1: np.ndarray,
    unobserved: np.ndarray,
    parts: tuple[np.ndarray, np.ndarray, np.ndarray],
    covariates: tuple[str, ...] | None = None,
    about: str = "",
    **extras: Any,
) -> Draw:
    """A draw with a treatment of two values and instruments, cut into training, validation and test rows.

    Parameters
    ----------
    X, Z : (n, p) and (n, q) float arrays
        Covariates; instruments, named ``z1 .. zq``.
    T, Y : (n,) float arrays
        Treatment of 0 and 1; outcome.
    mu0, mu1 : (n,) float arrays
        Mean outcomes without and with treatment.
    unobserved : (n, r) float array
        Confounders that the study does not hold.
    parts : three int arrays
        Row numbers of the training, the validation and the test part.
    covariates : p names, optional
        Default ``x1 .. xp``.
    about : str
    **extras
        Further extras, as they are.

    Returns
    -------
    Draw
        Truth: the ATE of the training rows.
    """
    train, validation, test = parts

    def study(rows: np.ndarray) -> Study:
        return Study.from_arrays(X[rows], T[rows], Y[rows], Z=Z[rows], covariates=covariates)

    def points(value: float, g: np.ndarray) -> CurvePoints:
        return CurvePoints(X=X[test], T=np.full(len(test), value), g=g[test], Z=Z[test])

    return Draw(
        study=study(train),
        truth={"ATE": float((mu1 - mu0)[train].mean())},
        about=about,
        extras={
            "validation": study(validation),
            "test": {"control": points(0.0, mu0), "treated": points(1.0, mu1)},
            "mu0": mu0[train],
            "mu1": mu1[train],
            "unobserved": unobserved[train],
            **extras,
        },
    )


def effect_draw(
    *,
    study: Study,
    test: np.ndarray,
    mu0: np.ndarray | None = None,
    mu1: np.ndarray | None = None,
    about: str = "",
    **extras: Any,
) -> Draw:
    """A draw for effects of single units: test rows kept back, all others in the study.

    Parameters
    ----------
    study : Study
        All rows, so that covariates are encoded once for both parts.
    test : int array
        Numbers of the rows to keep back.
    mu0, mu1 : (n,) float arrays, optional
        Mean outcomes of all rows without and with treatment.
    about : str
    **extras
        Further extras, as they are.

    Returns
    -------
    Draw
        Truth: ATE, ATT and ATC of the rows of the study, where mean outcomes are known.
    """
    rest = np.setdiff1d(np.arange(study.n), test)
    kept = study.take(rest)
    unseen: dict[str, Any] = {"X": study.X[test], "T": study.T[test], "Y": study.Y[test]}
    if mu0 is None or mu1 is None:
        return Draw(study=kept, about=about, extras={"test": EffectPoints(**unseen), **extras})
    effects = (mu1 - mu0)[rest]
    return Draw(
        study=kept,
        truth={
            "ATE": float(effects.mean()),
            "ATT": float(effects[kept.T == 1].mean()),
            "ATC": float(effects[kept.T == 0].mean()),
        },
        about=about,
        extras={
            "test": EffectPoints(**unseen, mu0=mu0[test], mu1=mu1[test]),
            "mu0": mu0[rest],
            "mu1": mu1[rest],
            **extras,
        },
    )
