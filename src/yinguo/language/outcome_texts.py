"""Texts with the outcomes of their readers as tokens, texts drawn from a model, and a model of the outcome.

The outcome model is any regressor of scikit-learn. What it is given are, unless told otherwise, lists of token numbers;
the default counts tokens and fits a ridge regression. To use text instead, pass ``features``: a function of tokens and
padding that returns what the regressor takes, for example embeddings of the decoded texts.
"""

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.errors import DataError
from yinguo.language.sequence_scores import check_prompt, check_tokens
from yinguo.nets import torch

__all__ = ["DrawnTexts", "OutcomeTexts", "bag_of_tokens", "crossfit_outcome", "draw_texts", "token_lists"]


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeTexts:
    """Texts that were read and what came of it.

    Attributes
    ----------
    tokens : (n, T) integer tensor
        With at least one token that is given: a start token or a prompt.
    Y : (n,) float array
        Outcome; larger is better.
    padding : (n, T) boolean tensor or None
        True where a token is real.
    prompt : int or (n,) integer tensor
        Real tokens at the start of each text that are given.
    log_read : (n,) float array or None
        Log-probability with which each text was handed to its reader, given its prompt, where it was kept. None: the
        model that is tuned, as it is before, stands for it; then it must have been fitted to these texts, and what
        readers chose must not depend on anything that moves the outcome.
    """

    tokens: torch.Tensor
    Y: np.ndarray
    padding: torch.Tensor | None = None
    prompt: int | torch.Tensor = 1
    log_read: np.ndarray | None = None

    def __post_init__(self) -> None:
        check_tokens(self.tokens)
        n = len(self.tokens)
        columns = {"Y": self.Y} if self.log_read is None else {"Y": self.Y, "log_read": self.log_read}
        for name, values in columns.items():
            if np.shape(values) != (n,) or np.asarray(values).dtype.kind not in "fiub" or not np.isfinite(values).all():
                raise DataError(f"{name} has shape {np.shape(values)} or entries that are no finite numbers; "
                                f"give one number for each of the {n} texts.")  # fmt: skip
        if self.padding is not None and np.shape(self.padding) != self.tokens.shape:
            raise DataError(
                f"padding has shape {np.shape(self.padding)} and tokens {tuple(self.tokens.shape)}; they must agree."
            )
        check_prompt(self.prompt, n)
        silent = (self.given.cpu() >= self.real.sum(dim=1).cpu()).nonzero()[:, 0].tolist()
        if silent:
            raise DataError(
                f"{len(silent)} of {n} texts have no token after their prompt, the first is text {silent[0]} with a "
                f"prompt of {int(self.given[silent[0]])}; lower prompt, or leave them out."
            )

    @property
    def real(self) -> torch.Tensor:
        """(n, T) padding, also where none was given."""
        return (
            torch.ones_like(self.tokens, dtype=torch.bool)
            if self.padding is None
            else torch.as_tensor(self.padding).bool()
        )

    @property
    def given(self) -> torch.Tensor:
        """(n,) number of given tokens of each text."""
        return torch.as_tensor(self.prompt).expand(len(self.tokens))


@dataclass(frozen=True, slots=True, eq=False)
class DrawnTexts:
    """Texts drawn from a model, k for each text that was read and with its prompt.

    Attributes
    ----------
    tokens : (n, k, T) integer tensor
    padding : (n, k, T) boolean tensor
    """

    tokens: torch.Tensor
    padding: torch.Tensor

    def __post_init__(self) -> None:
        if np.ndim(self.tokens) != 3 or np.shape(self.padding) != np.shape(self.tokens):
            raise DataError(f"texts drawn have tokens of shape {np.shape(self.tokens)} and padding of shape "
                            f"{np.shape(self.padding)}; both must be (n, k, T).")  # fmt: skip


@torch.no_grad()
def draw_texts(
    model: Any,
    prompts: torch.Tensor,
    *,
    length: int,
    generator: torch.Generator,
    given: torch.Tensor | None = None,
    end: int | None = None,
    rows: int = 512,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts from a model, token by token at temperature 1, from a generator of its own.

    Parameters
    ----------
    model : callable
        As for :func:`~yinguo.language.score_sequences`; one of transformers keeps its states between tokens.
    prompts : (n, P) integer tensor
        What each text begins with.
    length : int
        Tokens of a text, its prompt included.
    generator : torch.Generator
    given : (n,) integer tensor, optional
        How many tokens of each row of ``prompts`` are its prompt; what follows them is drawn. None: all.
    end : int, optional
        Token that ends a text; it is part of the text, what follows is padding.
    rows : int, default 512
        Texts drawn at a time.

    Returns
    -------
    tokens : (n, length) integer tensor
    padding : (n, length) boolean tensor
    """
    tokens, real = [], []
    held = torch.full((len(prompts),), prompts.shape[1]) if given is None else given
    for part, kept in zip(prompts.split(rows), held.split(rows), strict=True):
        drawn, alive = _draw(model, part, kept.to(part.device), length, generator, end)
        tokens.append(drawn)
        real.append(alive)
    return torch.cat(tokens), torch.cat(real)


def _draw(model, prompts, given, length, generator, end) -> tuple[torch.Tensor, torch.Tensor]:
    device = prompts.device
    tokens = torch.zeros(len(prompts), length, dtype=torch.long, device=device)
    real = torch.zeros_like(tokens, dtype=torch.bool)
    running = torch.ones(len(prompts), dtype=torch.bool, device=device)
    caches = "past_key_values" in inspect.signature(getattr(model, "forward", model)).parameters
    states, done = None, 0
    start = int(given.min())
    tokens[:, :start], real[:, :start] = prompts[:, :start], True
    for t in range(start, length):
        if caches:
            answer = model(tokens[:, done:t], past_key_values=states, use_cache=True)
            states, done = answer.past_key_values, t
        else:
            answer = model(tokens[:, :t])
        chances = getattr(answer, "logits", answer)[:, -1].float().softmax(dim=-1)
        # Drawn where the generator lives, so that a seed means the same on every device.
        drawn = torch.multinomial(chances.to(generator.device), 1, generator=generator)[:, 0].to(device)
        if t < prompts.shape[1]:
            drawn = torch.where(given > t, prompts[:, t], drawn)
        tokens[:, t] = torch.where(running, drawn, 0)
        real[:, t] = running
        if end is not None:
            running = running & ~((drawn == end) & (given <= t))
            if not running.any():
                break
    return tokens, real


def token_lists(tokens: torch.Tensor, padding: torch.Tensor) -> list[list[int]]:
    """The real tokens of each text: what an outcome model is given by default."""
    return [row[kept].tolist() for row, kept in zip(tokens.cpu(), padding.cpu(), strict=True)]


def itself(item: Any) -> Any:
    """The item; tokens that are apart already need no analyser."""
    return item


def bag_of_tokens() -> Any:
    """The default outcome model: counts of tokens, ridge regression with its strength chosen by leaving one out."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    # Dense, since ridge with a choice of strengths centres its columns.
    dense = FunctionTransformer(_dense, accept_sparse=True)
    return make_pipeline(CountVectorizer(analyzer=itself, max_features=2000), dense, RidgeCV(np.logspace(-2, 3, 11)))


def _dense(matrix: Any) -> np.ndarray:
    return matrix.toarray().astype(np.float64)


def crossfit_outcome(
    regressor: Any, features: Any, Y: np.ndarray, features_drawn: Any, *, folds: int, random_state: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Predicted outcomes: of texts read by models that did not see them, of texts drawn by the mean of those models.

    Parameters
    ----------
    regressor : scikit-learn regressor
        Copied, never changed.
    features : sequence of n, or (n, p) array
    Y : (n,) float array
    features_drawn : sequence of m, or (m, p) array
    folds : int
        0 or 1: the regressor was fitted before, to other texts, and is used as it is.
    random_state : int, Generator or None
        Assignment of texts to folds.

    Returns
    -------
    g : (n,) float array
    g_drawn : (m,) float array
    """
    for needed in ("predict", "fit") if folds > 1 else ("predict",):
        if not hasattr(regressor, needed):
            raise DataError(f"outcome_model is {regressor!r}; give a regressor of scikit-learn, which can {needed}.")
    if folds < 2:
        return _predicted(regressor, features), _predicted(regressor, features_drawn)
    if folds > len(Y):
        raise DataError(f"folds is {folds} and there are {len(Y)} texts; take fewer folds.")
    assigned = as_rng(random_state).permutation(len(Y)) % folds
    g, drawn = np.zeros(len(Y)), []
    for fold in range(folds):
        rest = np.flatnonzero(assigned != fold)
        fitted = copy.deepcopy(regressor).fit(_rows(features, rest), Y[rest])
        out = np.flatnonzero(assigned == fold)
        g[out] = _predicted(fitted, _rows(features, out))
        drawn.append(_predicted(fitted, features_drawn))
    return g, np.mean(drawn, axis=0)


#: What makes the features of an outcome model out of tokens and padding.
Features = Callable[[torch.Tensor, torch.Tensor], Any]


def _rows(features: Any, rows: np.ndarray) -> Any:
    return [features[k] for k in rows] if isinstance(features, Sequence) else features[rows]


def _predicted(fitted: Any, features: Any) -> np.ndarray:
    return np.asarray(fitted.predict(features), dtype=np.float64).reshape(-1)
