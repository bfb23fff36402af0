"""Double robustness of the value of a language model: bias, spread and coverage when either part is wrong.

What it shows: the doubly robust value has no bias that can be seen when the outcome model or the log-probabilities are
right, with a smaller spread than weighted outcomes in both; when both are wrong it is as wrong as they are; and a
hostile outcome model costs spread.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yinguo.bench.spec import Build, Cell, Method, PublishedTable

__all__ = ["TABLE", "ValueDraw", "draw"]

SOURCE = """
Ours: the property is claimed for DR-CPO by Lin, Ben-Michael & Morency (2024), "Optimizing language models for human
preferences is a causal inference problem", UAI, PMLR 244; no printed figures were compared.
"""

PROTOCOL = """
All 8^6 texts of six tokens out of eight (`text_world`, another chain and other worths in each draw), handed out at
random: 500 texts read, outcomes with a standard deviation of 1 between texts and noise of 0.5, and 2,000 texts drawn
from the fixed model. The model that is valued is a Markov chain that prefers tokens of higher worth; its value is
summed out over all texts. Outcome models are least squares on counts, in five folds. *g right*: counts of all tokens
and the pair that the mean outcome knows. *g wrong*: counts of the four tokens of most or least worth only, and half a
unit too much everywhere. *hostile g*: twice the right one with its sign reversed. *log-probabilities wrong*: the scores
of the chain are halved in what is taken for the law of the texts read, which is then also the fixed model that texts
are drawn from. IPW is the value that CPO maximises, DR that of DR-CPO, "outcome model" that of the outcome-only
objective. Weights are divided by their mean unless a row says "plain".
"""

GAPS = """
* When only g is wrong, weighted outcomes are right as well: biases of IPW and DR then both are within the Monte Carlo
  error, and the claim that one is below the other can be about the spread only.
* Standard errors take g as given; it was learned in folds.
"""

CELLS = {
    "both right": {},
    "g wrong": {"g": "wrong"},
    "log-probabilities wrong": {"logs": "wrong"},
    "both wrong": {"g": "wrong", "logs": "wrong"},
    "hostile g": {"g": "hostile"},
}
#: How much the valued model prefers tokens of higher worth.
TILT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ValueDraw:
    """A draw of the table: what is seen, the true value, and the world behind it."""

    study: Any
    truth: dict[str, float]
    extras: dict[str, Any] = field(default_factory=dict)


def draw(rng: np.random.Generator, *, g: str = "right", logs: str = "right", n: int = 500, m: int = 2000) -> ValueDraw:
    """One draw.

    Parameters
    ----------
    rng : numpy Generator
    g : {"right", "wrong", "hostile"}
    logs : {"right", "wrong"}
        What is taken for the law of the texts read, and used as the fixed model.
    n, m : int
        Texts read; texts drawn.
    """
    from yinguo.bench.policy_rows import ValueStudy
    from yinguo.bench.text_world import TextWorld, all_texts, chain_log_probability, draw_chain, text_features

    world = TextWorld(noise=0.5, random_state=rng)
    read = world.read(n, random_state=rng)
    valued = world.log_transitions(0.0, TILT * world.worth)
    law = world.log_transitions(0.0)
    if logs == "wrong":
        law = 0.5 * world.chain
        law = law - np.log(np.exp(law).sum(axis=1, keepdims=True))
    drawn = draw_chain(law, m, rng)

    def features(tokens: np.ndarray) -> np.ndarray:
        every = np.column_stack([np.ones(len(tokens)), text_features(tokens)])
        return every if g != "wrong" else every[:, [0, *(1 + np.argsort(np.abs(world.worth))[-4:])]]

    folds = rng.permutation(n) % 5
    X, X_drawn = features(read.tokens), features(drawn)
    g_hat, g_drawn = np.empty(n), np.zeros(m)
    for fold in range(5):
        rest = folds != fold
        # Counts of all tokens sum to six: least squares of smallest norm.
        coefficients = np.linalg.lstsq(X[rest], read.Y[rest], rcond=None)[0] * (-2.0 if g == "hostile" else 1.0)
        g_hat[~rest] = X[~rest] @ coefficients + 0.5 * (g == "wrong")
        g_drawn += (X_drawn @ coefficients + 0.5 * (g == "wrong")) / 5
    study = ValueStudy(
        Y=read.Y,
        g=g_hat,
        log_ratio=chain_log_probability(valued, read.tokens) - chain_log_probability(law, read.tokens),
        g_drawn=g_drawn,
        log_ratio_drawn=chain_log_probability(valued, drawn) - chain_log_probability(law, drawn),
    )
    truth = world.mean(chain_log_probability(valued, all_texts()))
    return ValueDraw(study, {"value": truth}, {"world": world})


def measure(fitted: Any, drawn: Any) -> dict[str, float]:
    """Squared error, and the smallest effective share of the weights."""
    error = fitted.result_.estimate - drawn.truth["value"]
    return {"squared error": error**2, "effective share": min(d.value for d in fitted.result_.diagnostics)}


def _methods() -> tuple[Method, ...]:
    def row(label: str, chosen: str, **options: Any) -> Method:
        return Method(label, Build("yinguo.bench.policy_rows:ValueEstimate", options), chosen)

    return (
        row("IPW", "No options.", kind="ipw"),
        row("IPW, plain", "Weights as they are.", kind="ipw", normalise=False),
        row("IPW, clipped", "Log-ratios within 2.", kind="ipw", clip=2.0),
        row("outcome model", "No options.", kind="outcome"),
        row("DR", "No options.", kind="dr"),
        row("DR, plain", "Weights as they are.", kind="dr", normalise=False),
        row("DR, clipped", "Log-ratios within 2.", kind="dr", clip=2.0),
    )


TABLE = PublishedTable(
    name="dr-values",
    title="The value of a language model from texts read before, when either half of the estimate is wrong",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand="value",
    unit="",
    draw=draw,
    cells=tuple(Cell(name, settings) for name, settings in CELLS.items()),
    methods=_methods(),
    replications=200,
    metrics=("bias", "sd", "rmse", "coverage"),
    measure=measure,
    measures=("squared error",),
    against=("IPW",),
    seed=2402,
    quick_fraction=0.02,
)
