r"""Twins born below 2,000 g, with drawn instruments and covariates withheld; both outcomes are known.

Being the heavier twin is the treatment, death within a year the outcome, and both twins of a pair are in the records,
so that both outcomes of every pair are known. Which twin is looked at is drawn,

.. math:: P(T = 1) = \mathrm{logit}^{-1}\Big(\sum_k Z_k X_k + \sum_j X_j + \sum_j U_j - 2\Big), \qquad Y = \mu_T,

from standard normal instruments Z and the first covariates of the table, each divided by its maximum: :math:`m_X` of
them are observed (X), the next :math:`m_U` are not (U). 5-8-0 and 5-5-3 use the same eight and so the same treatments.

**What its replications are.** As in the IHDP set, instruments and treatments are drawn once; replications reshuffle
the rows and cut 63, 27 and 10 of a hundred.

**Where we differ from the authors' data, and why.** Their table is not published: 5,271 pairs whose heavier twin weighs
less than 2,000 g, without missing values in columns that are not named. Ours are the 8,215 pairs of the public
low-weight table, both twins below 2,000 g, without missing values in its 52 covariates, and its columns come in the
order of the public records (place of delivery, attendant, state, ...), which need not be theirs. The truth also
differs: they hold estimates against -0.0252, the mean *before* pairs with missing values are dropped (it is -0.025200
over all 11,984 pairs below 2,000 g); over the 8,215 pairs it is -0.021546. The difference of 0.0037 is as large as the
published biases.

Source: Almond, Chay & Lee (2005), QJE 120(3); Louizos et al. (2017), NeurIPS; the instruments of Wu, Kuang, Li & Wu
(2022), ICML, and their published programme.
"""

import numpy as np
from scipy.special import expit

from yinguo.core.shared_data import shared_file
from yinguo.core.table import open_table
from yinguo.datasets.draw import Draw, binary_draw
from yinguo.datasets.ihdp_iv import shuffled_parts
from yinguo.errors import DataError

__all__ = ["twins_iv"]

#: Columns of the table that are no covariates.
OUTCOMES = ("sample_id", "mu_1", "mu_0", "y", "y_cf", "ite", "t")
COVARIATES = 52


def twins_iv(*, m_z: int = 5, m_x: int = 8, m_u: int = 0, replication: int = 0, random_state: int = 2021) -> Draw:
    """One replication of the design m_Z-m_X-m_U on twins; needs the shared data set ``twins``.

    Parameters
    ----------
    m_z, m_x, m_u : int
        Instruments, observed and unobserved confounders; published 5-8-0 and 5-5-3. m_z at most m_x, m_x + m_u at most
        52.
    replication : int, not negative
        Which reshuffle of the rows; the published tables average over the first ten.
    random_state : int
        The authors' root seed; twice, three and five times it seed instruments, treatments and reshuffles, for numpy's
        legacy generator.

    Returns
    -------
    Draw
        Truth: the ATE of the training rows. Extras, besides the parts: ``mu0``, ``mu1``, ``unobserved``;
        ``sample_ate``, the average effect of all 8,215 pairs; ``published_truth`` (-0.0252).

    Raises
    ------
    DataError
        The data are not on this machine: says where to get them.
    """
    if not 1 <= m_z <= m_x or m_u < 0 or m_x + m_u > COVARIATES or replication < 0:
        raise DataError(
            f"m_z is {m_z}, m_x is {m_x}, m_u is {m_u}, replication is {replication}; take 1 <= m_z <= m_x, m_u and "
            f"replication not negative, and m_x + m_u at most {COVARIATES}."
        )
    table = open_table(shared_file("twins", "twins_lowbw_named.csv.gz"))
    names = tuple(name for name in table.names if name not in OUTCOMES)[: m_x + m_u]
    read = {name: np.asarray(column.values, dtype=float) for name, column in table.read((*names, *OUTCOMES)).items()}
    XU = np.column_stack([read[name] / read[name].max() for name in names])
    n = len(XU)
    Z = np.random.RandomState(2 * random_state).standard_normal((n, m_z))
    chance = expit((Z * XU[:, :m_z]).sum(axis=1) + XU.sum(axis=1) - 2)
    T = np.random.RandomState(3 * random_state).binomial(1, chance).astype(float)
    mu0, mu1 = read["mu_0"], read["mu_1"]
    first, second = round(0.63 * n), round(0.27 * n)
    return binary_draw(
        X=XU[:, :m_x],
        Z=Z,
        T=T,
        Y=np.where(T == 1, mu1, mu0),
        mu0=mu0,
        mu1=mu1,
        unobserved=XU[:, m_x:],
        parts=shuffled_parts(5 * random_state, replication, (first, second, n - first - second)),
        covariates=names[:m_x],
        about=f"twins below 2,000 g with drawn instruments {m_z}-{m_x}-{m_u}, reshuffle {replication}",
        sample_ate=float((mu1 - mu0).mean()),
        published_truth=-0.0252,
    )
