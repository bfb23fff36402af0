r"""Twins born below 2,000 g: both outcomes of every pair are known, which twin is looked at is drawn.

Being the heavier twin is the treatment, death within a year the outcome. Both twins of a pair are in the records, so
the effect on every pair is known; it is -1, 0 or 1, and mostly 0.

**Three pre-processings circulate under this name and do not compare**; each has other pairs, other covariates and
another way to draw the treatment:

* ``"cevae"``: 11,984 pairs, 75 covariates, after Louizos et al. (2017). Gestation is hidden; 30 of the covariates are
  three copies of it as indicators with random flips. :math:`T \sim B(e)`, with the e that the file holds (from 0.41 to
  0.99, mean 0.74). ATE -0.0252.
* ``"ganite"``: 11,400 pairs, 30 covariates, after Yoon et al. (2018). :math:`e \propto \mathrm{logit}^{-1}(X w + n)`,
  scaled to the mean 1/2, :math:`w_j \sim U(-.01, .01)`, :math:`n \sim N(0, .01^2)`, as in the authors' programme (we
  remember ten times these bounds from the paper). ATE -0.0161.
* ``"complete"``: 8,215 pairs without a missing value, 50 covariates (the two identifiers of the file are left out),
  after Yao et al. (2018). The same without scaling to 1/2, :math:`w_j \sim U(-.1, .1)` on covariates of range [0, 1],
  :math:`n \sim N(0, .1^2)`: nearly a randomised trial. ATE -0.0215.

A fourth one, with instruments and the largest confounding, is :func:`twins_iv`.

**What is drawn.** In every replication anew: the treatments, with their w and n, and the fifth of the rows that is kept
back. The assignments that stand in two of the files are not used.

Source: Almond, Chay & Lee (2005), QJE 120(3); Louizos et al. (2017), NeurIPS; Yoon, Jordon & van der Schaar (2018),
ICLR; Yao et al. (2018), NeurIPS.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from yinguo.core.shared_data import shared_file
from yinguo.core.study import Study
from yinguo.core.table import open_table
from yinguo.datasets.draw import Draw, effect_draw
from yinguo.errors import DataError

__all__ = ["twins"]

#: Share of the rows that is kept back for testing.
TEST = 0.2
#: What ``days_t0`` and ``days_t1`` hold for a twin that survived the year.
SURVIVED = 9999


class Pairs(NamedTuple):
    """Covariates with their names, both outcomes, and the chance of treatment where the file holds it."""

    X: np.ndarray
    covariates: tuple[str, ...]
    mu0: np.ndarray
    mu1: np.ndarray
    e: np.ndarray | None = None


def twins(*, preprocessing: str = "cevae", replication: int = 0, random_state: int = 1989) -> Draw:
    """One draw of who is looked at, and of the rows kept back; needs the shared data set ``twins``.

    Parameters
    ----------
    preprocessing : {"cevae", "ganite", "complete"}
        Which pairs, covariates and treatments; see above.
    replication : int, not negative
    random_state : int
        Treatments and test rows are drawn with a seed made of this and the replication.

    Returns
    -------
    Draw
        Treatment ``heavier``, outcome ``died``. The study is four fifths of the pairs, ``test`` the rest; ``mu0`` and
        ``mu1`` are the outcomes themselves. Truth: ATE, ATT and ATC of the study. Extras, besides the parts:
        ``sample_ate`` over all pairs; ``propensity`` of the rows of the study, as they were drawn.

    Raises
    ------
    DataError
        The data are not on this machine: says where to get them.
    """
    if preprocessing not in READERS or replication < 0:
        raise DataError(
            f"preprocessing is {preprocessing!r}, replication is {replication}; the first must be one of "
            f"{', '.join(READERS)}, the second not negative."
        )
    pairs = READERS[preprocessing]()
    rng = np.random.default_rng([random_state, replication])
    e = CHANCES[preprocessing](pairs, rng)
    T = rng.binomial(1, e).astype(float)
    study = Study.from_arrays(
        pairs.X,
        T,
        np.where(T == 1, pairs.mu1, pairs.mu0),
        covariates=pairs.covariates,
        treatment="heavier",
        outcome="died",
    )
    test = np.sort(rng.permutation(study.n)[: round(TEST * study.n)])
    return effect_draw(
        study=study,
        test=test,
        mu0=pairs.mu0,
        mu1=pairs.mu1,
        about=f"twins below 2,000 g, pre-processing {preprocessing}, draw {replication}",
        sample_ate=float((pairs.mu1 - pairs.mu0).mean()),
        propensity=np.delete(e, test),
    )


def _cevae() -> Pairs:
    read = _read("twins_encoded.csv.gz")
    mu0, mu1, e = (read.pop(name) for name in ("y0", "y1", "Propensity"))
    return _pairs(read, ("T", "yf", "y_cf"), mu0, mu1, e)


def _ganite() -> Pairs:
    read = _read("twins_ganite.csv.gz")
    mu0, mu1 = ((read.pop(name) < SURVIVED).astype(float) for name in ("days_t0", "days_t1"))
    return _pairs(read, (), mu0, mu1)


def _complete() -> Pairs:
    read = _read("twins_lowbw_named.csv.gz")
    mu0, mu1 = (read.pop(name) for name in ("mu_0", "mu_1"))
    return _pairs(read, ("sample_id", "y", "y_cf", "ite", "t", "infant_id_0", "infant_id_1"), mu0, mu1)


def _read(file: str) -> dict[str, np.ndarray]:
    table = open_table(shared_file("twins", file))
    return {name: np.asarray(column.values, dtype=float) for name, column in table.read(table.names).items()}


def _pairs(read: dict[str, np.ndarray], others: tuple[str, ...], mu0, mu1, e=None) -> Pairs:
    covariates = {name: values for name, values in read.items() if name not in others}
    return Pairs(np.column_stack(list(covariates.values())), tuple(covariates), mu0, mu1, e)


def _stored(pairs: Pairs, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(pairs.e)


def _scaled_to_half(pairs: Pairs, rng: np.random.Generator) -> np.ndarray:
    e = _index(pairs.X, rng, 0.01)
    return np.minimum(e / (2 * e.mean()), 1.0)


def _of_unit_range(pairs: Pairs, rng: np.random.Generator) -> np.ndarray:
    low = pairs.X.min(axis=0)
    return _index((pairs.X - low) / (pairs.X.max(axis=0) - low), rng, 0.1)


def _index(X: np.ndarray, rng: np.random.Generator, scale: float) -> np.ndarray:
    w = rng.uniform(-scale, scale, X.shape[1])
    return expit(X @ w + rng.normal(0.0, scale, len(X)))


READERS: dict[str, Callable[[], Pairs]] = {"cevae": _cevae, "ganite": _ganite, "complete": _complete}
CHANCES: dict[str, Callable[[Pairs, np.random.Generator], np.ndarray]] = {
    "cevae": _stored,
    "ganite": _scaled_to_half,
    "complete": _of_unit_range,
}
