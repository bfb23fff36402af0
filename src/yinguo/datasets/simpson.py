"""Two recommendation algorithms and their clicks: a table in which the pooled comparison is the wrong way round.

Of 2,000 users, 1,000 saw adverts chosen by algorithm A and 1,000 by algorithm B. Clicks over users:

============  ============  =============  ==========
algorithm     low income    high income    together
============  ============  =============  ==========
A             10 / 400      40 / 600       50 / 1000
B             4 / 200       50 / 800       54 / 1000
============  ============  =============  ==========

B has more clicks; among users of low income A is ahead, and among those of high income too. A was shown to more users
of low income, who seldom click. A textbook table, free to use.
"""

import numpy as np

from yinguo.core.study import Study
from yinguo.datasets.draw import Draw

__all__ = ["COUNTS", "simpson"]

#: (algorithm, high income) -> (clicks, users); algorithm 1 is A.
COUNTS = {(1, 0): (10, 400), (1, 1): (40, 600), (0, 0): (4, 200), (0, 1): (50, 800)}


def simpson() -> Draw:
    """The table as 2,000 rows: does algorithm A rather than B make users click?

    Returns
    -------
    Draw
        Treatment ``algorithm_a``, outcome ``click``, covariate ``high_income``. Truth, if income is the only
        confounder: the standardised differences; ``extras``: the pooled one, and ``income`` as text per row.
    """
    T, X, Y = [], [], []
    for (a, high), (clicks, users) in COUNTS.items():
        T += [a] * users
        X += [high] * users
        Y += [1] * clicks + [0] * (users - clicks)
    study = Study.from_arrays(
        np.array(X, dtype=float), np.array(T), np.array(Y), covariates=("high_income",), treatment="algorithm_a",
        outcome="click",
    )  # fmt: skip
    gap = {high: _rate(1, high) - _rate(0, high) for high in (0, 1)}
    n = {key: users for key, (_, users) in COUNTS.items()}
    mix = {
        "ATE": (n[1, 0] + n[0, 0], n[1, 1] + n[0, 1]),
        "ATT": (n[1, 0], n[1, 1]),
        "ATC": (n[0, 0], n[0, 1]),
    }
    return Draw(
        study=study,
        truth={name: (low * gap[0] + high * gap[1]) / (low + high) for name, (low, high) in mix.items()},
        about="Clicks under two recommendation algorithms, by income; textbook example of Simpson's paradox.",
        extras={"pooled": 50 / 1000 - 54 / 1000, "income": np.where(np.array(X) == 1, "high income", "low income")},
    )


def _rate(algorithm: int, high: int) -> float:
    clicks, users = COUNTS[algorithm, high]
    return clicks / users
