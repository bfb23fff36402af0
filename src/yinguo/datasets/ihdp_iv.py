r"""Children of the Infant Health and Development Program, with drawn instruments and covariates withheld.

747 children with 25 covariates and the noiseless outcomes of one realisation of Hill's response surface. The treatment
is drawn anew,

.. math:: P(T = 1) = \mathrm{logit}^{-1}\Big(\sum_k Z_k X_k + \sum_j X_j + \sum_j U_j\Big), \qquad
   Y = \mu_T + N(0, 0.01^2),

from standard normal instruments Z and the first columns of the table: :math:`m_X` of them are observed (X), the next
:math:`m_U` are not (U). 2-6-0 observes the six continuous covariates, 2-4-2 hides two of them. The outcomes depend on
all 25 columns, but the other 19 do not move the treatment.

**What its replications are.** Instruments, treatments and outcomes are drawn once; replications reshuffle the rows and
cut them into 470, 202 and 75. Their spread is that of splitting a single sample, not of repeating the study. Another
``random_state`` draws instruments, treatments and outcomes anew.

**Two truths.** The authors hold estimates against 4, a constant of the file they read: the effect on the treated that
the design fixes. The average effect of the 747 children is 4.0161. The difference of 0.016 is as large as the smallest
published bias.

**Where we differ from the authors' programme.** The order of the rows in the file they read cannot be had (ours are the
same rows, those of the official test part last), so that the same seed gives another draw of the same design.

Source: Hill (2011), JCGS 20(1); Shalit, Johansson & Sontag (2017), ICML; the instruments of Wu, Kuang, Li & Wu (2022),
ICML, and their published programme.
"""

import numpy as np
from scipy.special import expit

from yinguo.core.shared_data import shared_file
from yinguo.datasets.draw import Draw, binary_draw
from yinguo.errors import DataError

__all__ = ["ihdp_iv"]

#: Rows of the training, validation and test part.
SIZES = (470, 202, 75)
CHILDREN = sum(SIZES)


def ihdp_iv(*, m_z: int = 2, m_x: int = 6, m_u: int = 0, replication: int = 0, random_state: int = 2021) -> Draw:
    """One replication of the design m_Z-m_X-m_U on the IHDP children; needs the shared data set ``ihdp``.

    Parameters
    ----------
    m_z, m_x, m_u : int
        Instruments, observed and unobserved confounders; published 2-6-0 and 2-4-2. m_z at most m_x, m_x + m_u at most
        25.
    replication : int, not negative
        Which reshuffle of the rows; the published tables average over the first hundred.
    random_state : int
        The authors' root seed; twice, three, four and five times it seed instruments, treatments, outcomes and
        reshuffles, for numpy's legacy generator.

    Returns
    -------
    Draw
        Truth: the ATE of the training rows. Extras, besides the parts: ``mu0``, ``mu1``, ``unobserved``;
        ``sample_ate``, the average effect of all 747 children; ``published_truth`` (4).

    Raises
    ------
    DataError
        The data are not on this machine: says where to get them.
    """
    if not 1 <= m_z <= m_x or m_u < 0 or m_x + m_u > 25 or replication < 0:
        raise DataError(
            f"m_z is {m_z}, m_x is {m_x}, m_u is {m_u}, replication is {replication}; take 1 <= m_z <= m_x, m_u and "
            "replication not negative, and m_x + m_u at most 25."
        )
    with np.load(shared_file("ihdp", "ihdp_shalit_rep001-050.npz")) as file:
        last = file["test_index"][:, 0]
        order = np.concatenate([np.setdiff1d(np.arange(CHILDREN), last), last])
        covariates, mu0, mu1 = file["x"][order], file["mu0"][order, 0], file["mu1"][order, 0]
    XU = covariates[:, : m_x + m_u]
    Z = np.random.RandomState(2 * random_state).standard_normal((CHILDREN, m_z))
    chance = expit((Z * XU[:, :m_z]).sum(axis=1) + XU.sum(axis=1))
    T = np.random.RandomState(3 * random_state).binomial(1, chance).astype(float)
    noise = np.random.RandomState(4 * random_state)
    y0, y1 = mu0 + noise.normal(0.0, 0.01, CHILDREN), mu1 + noise.normal(0.0, 0.01, CHILDREN)
    return binary_draw(
        X=XU[:, :m_x],
        Z=Z,
        T=T,
        Y=np.where(T == 1, y1, y0),
        mu0=mu0,
        mu1=mu1,
        unobserved=XU[:, m_x:],
        parts=shuffled_parts(5 * random_state, replication, SIZES),
        about=f"IHDP with drawn instruments {m_z}-{m_x}-{m_u}, reshuffle {replication}",
        sample_ate=float((mu1 - mu0).mean()),
        published_truth=4.0,
    )


def shuffled_parts(
    seed: int, replication: int, sizes: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row numbers of the parts in one replication, the reshuffles coming one after another from one generator.

    Parameters
    ----------
    seed : int
        For numpy's legacy generator.
    replication : int
        How many reshuffles go before.
    sizes : three ints
        Rows of the training, validation and test part.

    Returns
    -------
    three int arrays
    """
    rng = np.random.RandomState(seed)
    for _ in range(replication):
        rng.permutation(sum(sizes))
    train, validation, test = np.split(rng.permutation(sum(sizes)), np.cumsum(sizes)[:2])
    return train, validation, test
