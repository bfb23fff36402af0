r"""Who likes an advert? 56 features of social-network users, a like or a dislike, and effects that are known.

A generator in place of a proprietary table: 52 yes/no features and 4 numeric ones, correlated through four hidden
traits (age, sociability, activity, affluence), and

.. math:: P(\text{like}) = \mathrm{sigmoid}\Big(-3.22 + \sum_k \theta_k x_k\Big) ,

about 14 % likes. Any of three features can be the treatment, all others are then covariates. Its true effect holds
the other features of each user fixed: the mean over users of :math:`P(\text{like} | t = 1, x) - P(\text{like} | t = 0,
x)`.

Source: the task (feedback to an advert, 14,891 likes and 93,108 dislikes, 56 features) follows Kuang et al. (2017),
AAAI; features, correlations and coefficients here are invented.
"""

from typing import Any

import numpy as np
from scipy.special import expit, ndtri

from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["advert_feedback"]

TREATMENTS = {"friends>166": 0.9, "age>33": -0.8, "male": -0.25}
NUMERIC = ("posts_per_week", "minutes_per_day", "months_registered", "price_of_phone")
INTERESTS = (
    "sports", "cars", "fashion", "travel", "food", "games", "music", "films", "news", "finance", "health", "parenting",
    "pets", "technology", "photography", "books", "property", "education", "dating", "outdoors",
)  # fmt: skip
HABITS = (
    "morning", "midday", "evening", "night", "weekend", "commute", "on_wifi", "tablet", "new_phone", "large_screen",
    "notifications_on", "pays_by_phone", "shops_online", "orders_food", "hails_taxi", "shares_links", "shares_pictures",
    "comments_often", "follows_brands", "clicked_an_advert", "hid_an_advert", "plays_video", "uses_stickers",
    "in_many_groups", "capital_city", "coastal_city", "moved_city", "lives_abroad", "speaks_english",
)  # fmt: skip
OTHERS = (*(f"likes_{x}" for x in INTERESTS), *HABITS, *NUMERIC)
#: Loadings on (age, sociability, activity, affluence): the treatments', then a fixed pattern for the others.
LOADINGS = {"friends>166": (-0.2, 0.6, 0.3, 0.1), "age>33": (0.7, -0.1, 0.0, 0.2), "male": (0.1, -0.2, 0.3, 0.1)}
SHARES = {"friends>166": 0.45, "age>33": 0.35, "male": 0.55}
#: What moves the outcome besides the treatments. The first eight load on the traits, the last six on none.
CAUSES = {
    "likes_cars": 0.8, "likes_fashion": -0.5, "likes_travel": 0.5, "follows_brands": 0.7, "comments_often": 0.4,
    "hid_an_advert": -0.9, "capital_city": 0.4, "price_of_phone": 0.3,
    "likes_films": 0.6, "likes_pets": -0.5, "plays_video": 0.7, "weekend": 0.5, "on_wifi": -0.4, "moved_city": 0.5,
}  # fmt: skip


def advert_feedback(*, n: int = 20_000, treatment: str = "friends>166", random_state: Any = 0) -> Draw:
    """One draw of users and their feedback.

    Parameters
    ----------
    n : int
    treatment : {"friends>166", "age>33", "male"}
        Which feature is the treatment; the 55 others are covariates.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Truth: ATE, ATT, ATC of the treatment; extras: ``effects``, the ATE of each of the three, and ``causes``, the
        names of the other features in the outcome model.
    """
    if treatment not in TREATMENTS:
        raise DataError(f"treatment is {treatment!r}; it must be one of {tuple(TREATMENTS)}.")
    rng = as_rng(random_state)
    names = (*TREATMENTS, *OTHERS)
    columns = _features(rng, n)
    theta = np.array([(TREATMENTS | CAUSES).get(name, 0.0) for name in names])
    score = columns @ theta - 3.22
    Y = (rng.random(n) < expit(score)).astype(float)
    effect = {}
    for k, name in enumerate(TREATMENTS):
        others = score - theta[k] * columns[:, k]
        effect[name] = expit(others + theta[k]) - expit(others)
    k = names.index(treatment)
    T, own = columns[:, k], effect[treatment]
    study = Study.from_arrays(
        np.delete(columns, k, axis=1), T, Y,
        covariates=names[:k] + names[k + 1 :], treatment=treatment, outcome="like",
    )  # fmt: skip
    return Draw(
        study=study,
        truth={"ATE": own.mean(), "ATT": own[T == 1].mean(), "ATC": own[T == 0].mean()},
        about="feedback to an advert, 56 user features, generated",
        extras={"effects": {name: float(values.mean()) for name, values in effect.items()}, "causes": tuple(CAUSES)},
    )


def _features(rng, n) -> np.ndarray:
    """(n, 56) features: hidden traits plus own noise, cut at a share for yes/no features."""
    k = np.arange(len(OTHERS))
    pattern = 0.35 * np.cos(np.outer(k + 1, (1.0, 1.7, 2.3, 3.1)))
    alone = [OTHERS.index(name) for name in list(CAUSES)[8:]]
    pattern[alone] = 0.0
    loadings = np.vstack([*LOADINGS.values(), pattern])
    shares = np.r_[list(SHARES.values()), 0.15 + 0.6 * ((7 * k) % 11) / 10]
    latent = rng.standard_normal((n, 4)) @ loadings.T
    latent += rng.standard_normal(latent.shape) * np.sqrt(1 - (loadings**2).sum(axis=1))
    features = (latent > ndtri(1 - shares)).astype(float)
    numeric = slice(len(shares) - len(NUMERIC), None)
    features[:, numeric] = np.round(latent[:, numeric], 2)
    return features
