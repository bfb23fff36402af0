"""Generated sentences that a sentence encoder reads: what it can before tuning, and one thing it learns by it.

Before tuning four things are measured on the mean of the last states, on sentences about two things that somebody
talked of: three linear heads fitted once and then frozen (topic of the second thing, tone, question or statement), and
the search for the same said otherwise among fifty. The new task, on sentences of another make, is which of two things
causes the other: the order of words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from yinguo.nets import nn, torch

__all__ = ["ORIGINAL", "Sentences", "embed", "fit_head", "head_accuracy", "original_skills", "sentences", "tune"]

#: Things by topic; the first four of each stand on one side of the new task, the others on the other.
TOPICS: Mapping[str, Sequence[str]] = {
    "weather": ("rain", "frost", "fog", "heat", "wind", "snow", "hail", "drought"),
    "health": ("fever", "stress", "smoking", "exercise", "sleep", "cough", "fatigue", "diet"),
    "trade": ("inflation", "debt", "demand", "tax", "profit", "export", "credit", "price"),
    "traffic": ("delay", "noise", "accident", "speed", "congestion", "detour", "parking", "traffic"),
}
TONES = {1: ("luckily", "happily", "to our joy"), 0: ("sadly", "alas", "to our regret")}
ORIGINAL = ("topic", "tone", "question", "search")
#: How the sentences of the new task and those of the original ones are made, and the latter said otherwise.
_SAYS = {
    "new": ("{a} causes {b}", "{b} is caused by {a}"),
    "original": ("the talk was on {a} and {b}", "they wrote about {b} as well as {a}"),
}
_OTHERWISE = ("somebody spoke of {b} and {a}", "a report on {a} with {b}")


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sentences with what is true of them.

    Attributes
    ----------
    texts, otherwise : list of n str
        The same, said in two ways.
    labels : mapping of task to (n,) int array
        "topic", "tone", "question", and "direction", the new task where the sentence says one.
    """

    texts: list[str]
    otherwise: list[str]
    labels: dict[str, np.ndarray]


def sentences(count: int, rng: np.random.Generator, *, make: str) -> Sentences:
    """So many sentences at random, made as those of the "original" tasks or those of the "new" one."""
    sides = [[word for words in TOPICS.values() for word in words[part]] for part in (slice(4), slice(4, None))]
    topic = {word: place for place, words in enumerate(TOPICS.values()) for word in words}
    texts, otherwise, found = [], [], []
    for _ in range(count):
        direction, tone, question = (int(x) for x in rng.integers(2, size=3))
        words = [str(rng.choice(side)) for side in sides]
        a, b = words if direction else words[::-1]
        says, other = str(rng.choice(_SAYS[make])), str(rng.choice(_OTHERWISE))
        start = str(rng.choice(TONES[tone]))
        end = "?" if question else "."
        texts.append(f"{start}, {says.format(a=a, b=b)}{end}")
        otherwise.append(f"{other.format(a=a, b=b)}.")
        found.append((topic[words[1]], tone, question, direction))
    columns = np.array(found).T
    return Sentences(texts, otherwise, dict(zip(("topic", "tone", "question", "direction"), columns, strict=True)))


@torch.no_grad()
def embed(model: nn.Module, tokenizer, texts: Sequence[str]) -> torch.Tensor:
    """(n, d) means of the last states over the tokens."""
    model.eval()
    return torch.cat([_means(model, tokenizer, texts[start : start + 64]) for start in range(0, len(texts), 64)])


def fit_head(X: torch.Tensor, labels: np.ndarray, classes: int) -> torch.Tensor:
    """(d + 1, classes) coefficients of a multinomial logistic regression with a small ridge penalty."""
    rows = np.column_stack([X.numpy().astype(float), np.ones(len(X))])
    chosen = np.eye(classes)[labels]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        B = flat.reshape(-1, classes)
        scores = rows @ B
        scores -= scores.max(1, keepdims=True)
        p = np.exp(scores)
        p /= p.sum(1, keepdims=True)
        value = -np.log(np.maximum((p * chosen).sum(1), 1e-300)).mean() + 5e-4 * (B**2).sum()
        return value, (rows.T @ (p - chosen) / len(rows) + 1e-3 * B).ravel()

    found = minimize(loss, np.zeros(rows.shape[1] * classes), jac=True, method="L-BFGS-B")
    return torch.tensor(found.x).view(-1, classes)


def head_accuracy(X: torch.Tensor, labels: np.ndarray, head: torch.Tensor) -> float:
    """Share of rows that a head classifies right."""
    scores = X.double() @ head[:-1].double() + head[-1].double()
    return float((scores.argmax(1).numpy() == labels).mean())


def original_skills(
    model: nn.Module, tokenizer, given: Sentences, heads: Mapping[str, torch.Tensor]
) -> tuple[dict[str, float], torch.Tensor]:
    """Performance on each original task, and the embeddings of the texts."""
    X = embed(model, tokenizer, given.texts)
    found = {task: head_accuracy(X, given.labels[task], head) for task, head in heads.items()}
    Z = embed(model, tokenizer, given.otherwise)
    hits = []
    for start in range(0, len(X), 50):
        x, z = (nn.functional.normalize(part[start : start + 50], dim=1) for part in (X, Z))
        hits.append(((z @ x.T).argmax(1) == torch.arange(len(x))).double())
    return found | {"search": float(torch.cat(hits).mean())}, X


def tune(
    model: nn.Module, tokenizer, given: Sentences, *, steps: int, rate: float, generator: torch.Generator
) -> torch.Tensor:
    """Tune all weights, with a head of two classes, on the new task; returns the head (d + 1, 2)."""
    labels = torch.tensor(given.labels["direction"])
    width = embed(model, tokenizer, given.texts[:1]).shape[1]
    head = (0.02 * torch.randn(width + 1, 2, generator=generator)).requires_grad_(True)
    optimiser = torch.optim.AdamW(
        [{"params": model.parameters(), "lr": rate}, {"params": [head], "lr": 30 * rate}], weight_decay=0.0
    )
    for _ in range(steps):
        rows = torch.randperm(len(labels), generator=generator)[:32]
        X = _means(model, tokenizer, [given.texts[row] for row in rows])
        optimiser.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(X @ head[:-1] + head[-1], labels[rows]).backward()
        optimiser.step()
    return head.detach()


def _means(model: nn.Module, tokenizer, texts: Sequence[str]) -> torch.Tensor:
    read = tokenizer(list(texts), return_tensors="pt", padding=True)
    mask = read["attention_mask"][:, :, None]
    return (model(**read).last_hidden_state * mask).sum(1) / mask.sum(1)
