"""Short opinions on a journey, written by rule, and a small classifier of them on a sentence encoder.

Three clauses, each of which praises or complains; the majority decides what the whole is. So a sentence has words that
carry its class, words that speak against it and words that say nothing, and to flip the class one to three of them must
go. All words are ours; nothing is taken from a data set.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Opinion", "opinions"]

THINGS = (
    "hotel", "room", "breakfast", "waiter", "train", "garden", "museum", "concert", "guide", "boat", "soup", "terrace",
    "film", "cabin", "bridge", "market", "driver", "beach", "lamp", "pillow",
)  # fmt: skip
KINDS = ("old", "small", "northern", "wooden", "second", "white", "local", "narrow", "evening", "round")
PRAISE = (
    "wonderful", "friendly", "delicious", "charming", "superb", "comfortable", "lovely", "excellent", "delightful",
    "brilliant",
)  # fmt: skip
COMPLAINT = (
    "awful", "rude", "disgusting", "dreadful", "broken", "dirty", "boring", "terrible", "miserable", "useless",
)  # fmt: skip
FORMS = (
    "the {kind} {thing} was {word}", "we found the {thing} {word}", "this {word} {thing} met us",
    "our {thing} looked {word}", "the {thing} at the gate seemed {word}",
)  # fmt: skip
JOINTS = (", and ", ", while ", ", then ", ", but ")


@dataclass(frozen=True, slots=True)
class Opinion:
    """A sentence and what it is.

    Attributes
    ----------
    text : str
    praise : bool
        Whether most of its clauses praise.
    """

    text: str
    praise: bool


def opinions(n: int, rng: np.random.Generator) -> list[Opinion]:
    """Sentences drawn at random.

    Parameters
    ----------
    n : int
    rng : numpy Generator

    Examples
    --------
    >>> opinions(1, np.random.default_rng(2))[0].praise in (True, False)
    True
    """
    return [_opinion(rng) for _ in range(n)]


def _opinion(rng: np.random.Generator) -> Opinion:
    votes = rng.random(3) < 0.5
    things = rng.permutation(THINGS)
    clauses = []
    for vote, thing in zip(votes, things, strict=False):
        word = rng.choice(PRAISE if vote else COMPLAINT)
        clauses.append(str(rng.choice(FORMS)).format(kind=rng.choice(KINDS), thing=thing, word=word))
    text = clauses[0] + "".join(str(rng.choice(JOINTS)) + clause for clause in clauses[1:])
    return Opinion(f"{text[0].upper()}{text[1:]}.", bool(votes.sum() > 1))
