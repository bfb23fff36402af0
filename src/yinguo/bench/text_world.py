r"""A world of texts small enough to be counted out, with readers whose taste decides what they read.

A text is six tokens out of eight, so there are :math:`8^6 = 262144` of them and every mean over texts is a sum. Readers
are of two hidden types :math:`C = \pm 1`, equally many. A reader of type c meets a text of a Markov chain,

.. math::

   P(x \mid c) = \prod_t \mathrm{softmax}_v\big(L_{x_{t-1} v} + \gamma c\, b_v\big)[x_t], \qquad
   Y = g(x) + \beta C + \varepsilon, \qquad
   g(x) = \textstyle\sum_v a_v n_v(x) + h\, 1[n_0(x) > 0,\, n_1(x) > 0] - \mathrm{const}

with :math:`n_v` the number of times a token stands in the text. What a token is worth, :math:`a_v`, has a correlation
of -0.5 with :math:`b_v`, the taste of those who answer higher: kind readers meet poor texts. :math:`g` has mean 0 and
standard deviation 1 over :math:`P(x) = \frac12 \sum_c P(x \mid c)`.

At :math:`\gamma = 0` texts are handed out at random. Above it the outcome of a text among those who read it is not that
among all readers: a regression of Y on x learns :math:`g(x) + \beta E[C \mid x]`, and the weights
:math:`P^f(x) / P(x)` lead to the same. Weights :math:`P^f(x) / P(x \mid c)` are right, though c is not known, if the
chance with which each text was handed out was kept.

Source: ours.
"""

import itertools
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.errors import DataError

__all__ = [
    "ReadTexts", "TextWorld", "all_features", "all_texts", "chain_log_probability", "draw_chain", "text_features",
]  # fmt: skip

TOKENS, LENGTH = 8, 6


@lru_cache(maxsize=1)
def all_texts() -> np.ndarray:
    """(262144, 6) array of all texts, the last token changing fastest."""
    texts = np.array(list(itertools.product(range(TOKENS), repeat=LENGTH)), dtype=np.intp)
    texts.setflags(write=False)
    return texts


@lru_cache(maxsize=1)
def all_features() -> np.ndarray:
    """(262144, 9) features of all texts, as :func:`text_features`."""
    found = text_features(all_texts())
    found.setflags(write=False)
    return found


def text_features(tokens) -> np.ndarray:
    """(n, 9) what the mean outcome is linear in: counts of the tokens, and whether both 0 and 1 are there."""
    counts = np.stack([(np.asarray(tokens) == v).sum(axis=1) for v in range(TOKENS)], axis=1)
    both = (counts[:, 0] > 0) & (counts[:, 1] > 0)
    return np.column_stack([counts, both]).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class ReadTexts:
    """Texts with their readers' responses.

    Attributes
    ----------
    tokens : (n, 6) int array
    Y : (n,) float array
        Responses.
    log_shown : (n,) float array
        Log-probability with which each text was handed to its reader; knows the reader's type.
    C : (n,) float array
        The reader's type, which nobody sees.
    """

    tokens: np.ndarray
    Y: np.ndarray
    log_shown: np.ndarray
    C: np.ndarray


@dataclass(frozen=True, eq=False)
class TextWorld:
    """What texts are met, by whom, and what comes of it.

    Attributes
    ----------
    gamma : float
        How much more often a type meets the tokens it likes; 0 is at random.
    beta : float
        How much higher the one type answers whatever it reads.
    noise : float
        Standard deviation of what is left.
    random_state : int, Generator or None
        Of the chain, the tastes and the values of tokens.

    Examples
    --------
    >>> world = TextWorld(gamma=0.5, beta=1.0, random_state=0)
    >>> read = world.read(100, random_state=1)
    >>> read.tokens.shape, abs(round(float(world.mean(world.log_marginal)), 6))
    ((100, 6), 0.0)
    """

    gamma: float = 0.0
    beta: float = 0.0
    noise: float = 1.0
    random_state: Any = 0
    chain: np.ndarray = field(init=False, repr=False)
    taste: np.ndarray = field(init=False, repr=False)
    worth: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.noise < 0 or self.gamma < 0:
            raise DataError(f"noise is {self.noise} and gamma {self.gamma}; neither may be negative.")
        rng = as_rng(self.random_state)
        object.__setattr__(self, "chain", rng.normal(size=(TOKENS, TOKENS)))
        worth = rng.permutation(np.linspace(-1, 1, TOKENS))
        other = rng.permutation(worth)
        other = other - worth * (other @ worth) / (worth @ worth)
        # Half the direction of what is worth little, the rest across it, as long as the worths are.
        taste = -0.5 * worth + np.sqrt(0.75) * other * np.sqrt((worth @ worth) / (other @ other))
        object.__setattr__(self, "worth", worth)
        object.__setattr__(self, "taste", taste)

    def log_transitions(self, c: float, tilt=0.0) -> np.ndarray:
        """(8, 8) log-probabilities of the next token for a type, after the token of the row; the start counts as 0.

        ``tilt`` (8,) is added to the scores of the tokens.
        """
        scores = self.chain + self.gamma * c * self.taste + tilt
        return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))

    def log_shown(self, tokens, c) -> np.ndarray:
        """(n,) log P(x | c) of texts (n, 6), for one type or the type (n,) of each."""
        if np.ndim(c) == 0:
            return chain_log_probability(self.log_transitions(float(c)), tokens)
        return np.where(np.asarray(c) > 0, self.log_shown(tokens, 1.0), self.log_shown(tokens, -1.0))

    @cached_property
    def log_marginal(self) -> np.ndarray:
        """(262144,) log-probability of every text over both types."""
        texts = all_texts()
        return np.logaddexp(self.log_shown(texts, -1), self.log_shown(texts, 1)) - np.log(2)

    def mean_outcome(self, tokens) -> np.ndarray:
        """(n,) g(x), the mean response over all readers."""
        shift, scale = self._centre
        return (text_features(tokens) @ self._coefficients - shift) / scale

    def mean(self, log_probability) -> float:
        """Exact value of a model from the (262144,) log-probabilities it gives to all texts."""
        return float(np.exp(log_probability) @ self._all_means)

    def divergence(self, log_probability, log_reference) -> float:
        """Exact Kullback-Leibler divergence of one model from another, in nats."""
        p = np.exp(log_probability)
        return float(p @ np.where(p > 0, log_probability - log_reference, 0.0))

    def best(self, log_reference, divergence: float) -> np.ndarray:
        r"""(262144,) log-probabilities of the model of highest value at this divergence from a reference.

        It is :math:`\propto P_0(x) \exp(g(x) / \lambda)`, with the :math:`\lambda` that gives the divergence.
        """
        low, high = 0.0, 64.0
        for _ in range(60):
            middle = (low + high) / 2
            tilted = log_reference + middle * self._all_means
            tilted = tilted - _logsumexp(tilted)
            low, high = (middle, high) if self.divergence(tilted, log_reference) < divergence else (low, middle)
        return tilted

    def read(self, n: int, *, random_state: Any, at_random: bool = False) -> ReadTexts:
        """Texts read by n readers.

        Parameters
        ----------
        n : int
        random_state : int, Generator or None
        at_random : bool, default False
            Hand each reader the text that another one, drawn at random, would have read; the chance of a text is then
            its share over both types.
        """
        rng = as_rng(random_state)
        C = rng.choice([-1.0, 1.0], size=n)
        source = rng.choice([-1.0, 1.0], size=n) if at_random else C
        tokens = np.where(
            (source > 0)[:, None],
            *(draw_chain(self.log_transitions(sign), n, rng) for sign in (1.0, -1.0)),
        )
        if at_random:
            log_shown = np.logaddexp(self.log_shown(tokens, -1), self.log_shown(tokens, 1)) - np.log(2)
        else:
            log_shown = self.log_shown(tokens, C)
        Y = self.mean_outcome(tokens) + self.beta * C + self.noise * rng.normal(size=n)
        return ReadTexts(tokens, Y, log_shown, C)

    @property
    def _coefficients(self) -> np.ndarray:
        return np.append(self.worth, 1.5)

    @cached_property
    def _centre(self) -> tuple[float, float]:
        raw, p = all_features() @ self._coefficients, np.exp(self.log_marginal)
        shift = float(p @ raw)
        return shift, float(np.sqrt(p @ (raw - shift) ** 2))

    @cached_property
    def _all_means(self) -> np.ndarray:
        shift, scale = self._centre
        return (all_features() @ self._coefficients - shift) / scale


def chain_log_probability(log_transitions: np.ndarray, tokens) -> np.ndarray:
    """(n,) log-probability of texts (n, T) under a Markov chain that starts after token 0."""
    tokens = np.asarray(tokens, dtype=np.intp)
    total = log_transitions[0, tokens[:, 0]]
    for t in range(1, tokens.shape[1]):
        total = total + log_transitions[tokens[:, t - 1], tokens[:, t]]
    return total


def draw_chain(log_transitions: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 6) texts of a Markov chain that starts after token 0."""
    edges = np.exp(log_transitions).cumsum(axis=1)
    tokens = np.zeros((n, LENGTH), dtype=np.int64)
    last = np.zeros(n, dtype=np.int64)
    for t in range(LENGTH):
        last = np.minimum((rng.random(n)[:, None] > edges[last]).sum(axis=1), TOKENS - 1)
        tokens[:, t] = last
    return tokens


def _logsumexp(values: np.ndarray) -> float:
    top = values.max()
    return float(top + np.log(np.exp(values - top).sum()))
