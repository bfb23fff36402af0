"""Is the graph behind an attention matrix found, and from how many samples?

What it shows: random causal graphs are turned into attention matrices A = B Lambda P; PC and ICD on A A' return the
true equivalence class as N grows, correlations above a threshold do not; and where they fail, why.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.bench.spec import Build, Cell, Material, Method, PublishedTable

__all__ = ["TABLE", "draw", "measure"]

SOURCE = """
Ours, for Rohekar, Gurwicz & Nisimov (2023), "Causal interpretation of self-attention in pre-trained Transformers",
NeurIPS, whose theory it checks; the paper has no such table.
"""

PROTOCOL = """
100 random directed graphs in each cell: 8 nodes in random order, each pair an edge with the chance that gives 1.5 edges
at a node, weights of G uniform on (0.5, 1), scales Lambda uniform on (0.7, 1.3), B = (I - G)^-1. Graphs are not
selected. A = B Lambda L P with P a random orthogonal matrix and L L' the covariance of N standard normal draws
(Bartlett's factor of a Wishart matrix), so that A A' is exactly the sample covariance of N draws from the model; in the
cells "exact" L is the identity and N only enters the tests. Weights are positive as attention is; "both signs" draws
the sign of each. Learners are given A and N; level of the tests min(0.01, 100 / N). The truth is the CPDAG for PC and
the threshold, the PAG for ICD, the PAG given the order for ordered ICD, each from the graph by d-separation. SHD counts
pairs of nodes whose edge or marks differ, out of 28; "exact class" is the share of graphs with SHD 0; "skeleton" counts
pairs that are wrongly joined or not.
"""

GAPS = """
* What is left at N = 1,000,000 are near-accidents: a dependence so close to zero that it passes for independence. In
  the five graphs that PC and ICD miss, three lost an edge and two a collider; no false edge is among them. "exact"
  cells, without sampling error, lose some as well; at N = 1e12 none is lost, in dense graphs with both signs neither.
* Near-accidents become more with more edges and with weights of both signs. The sparse design was settled beforehand on
  other draws, where denser ones stayed below 95 in 100; the dense cells here show how far.
* The level of 0.01 whatever N costs some sparse graphs at N = 1,000,000, by false edges; in the dense cells, where
  near-accidents weigh more, it does a little better than the smaller level.
* N of an attention head is a convention (the width of the model). At 384 and 768 half to two thirds of these sparse
  graphs of 8 nodes are found exactly: a graph of one text is to be read edge by edge, not as a whole.
"""

MEASURES = ("SHD", "exact class", "skeleton")
NODES = 8


def draw(
    rng: np.random.Generator, *, n: float, exact: bool = False, degree: float = 1.5, both_signs: bool = False
) -> Material:
    """One graph and an attention matrix that it could be behind.

    Parameters
    ----------
    rng : numpy Generator
    n : float
        Draws behind A A'.
    exact : bool
        Without sampling error.
    degree : float
        Edges at a node, on average.
    both_signs : bool
    """
    from yinguo.bench.cleann_rows import AttentionStudy
    from yinguo.kernels.marked_graph import SeparationOracle, from_parents
    from yinguo.kernels.structure_search import icd, pc

    k = NODES
    order = rng.permutation(k)
    G = np.zeros((k, k))
    edges = np.tril(rng.random((k, k)) < degree / (k - 1), -1)
    weights = rng.uniform(0.5, 1.0, (k, k)) * (rng.choice([-1.0, 1.0], (k, k)) if both_signs else 1.0)
    G[np.ix_(order, order)] = np.where(edges, weights, 0.0)
    L = np.eye(k) if exact else _bartlett(rng, k, n)
    A = np.linalg.solve(np.eye(k) - G, np.diag(rng.uniform(0.7, 1.3, k))) @ L @ _orthogonal(rng, k)
    M, causes_first = from_parents(G), order.tolist()
    truth = {
        "CPDAG": pc(k, SeparationOracle(M)).marks,
        "PAG": icd(k, SeparationOracle(M)).marks,
        "ordered": icd(k, SeparationOracle(M), order=causes_first).marks,
    }
    return Material(AttentionStudy(A, n, tuple(causes_first)), truth)


def measure(fitted: Any, drawn: Any) -> Mapping[str, float]:
    """Distance to the true class.

    Parameters
    ----------
    fitted : row of the table
    drawn : Material
    """
    from yinguo.kernels.marked_graph import differing_edges

    truth = drawn.extras[fitted.truth_]
    distance = differing_edges(fitted.marks_, truth)
    joined = np.count_nonzero(np.triu((fitted.marks_ != 0) != (truth != 0)))
    return dict(zip(MEASURES, (float(distance), float(distance == 0), float(joined)), strict=True))


def _bartlett(rng: np.random.Generator, k: int, n: float) -> np.ndarray:
    """L with L L' distributed as the covariance of n standard normal draws of k variables."""
    L = np.tril(rng.standard_normal((k, k)), -1)
    L[np.diag_indices(k)] = np.sqrt(rng.chisquare(n - np.arange(k)))
    return L / np.sqrt(n)


def _orthogonal(rng: np.random.Generator, k: int) -> np.ndarray:
    Q, R = np.linalg.qr(rng.standard_normal((k, k)))
    return Q * np.sign(np.diag(R))


def _methods() -> tuple[Method, ...]:
    def row(name: str, **options: Any) -> Build:
        return Build(f"yinguo.bench.cleann_rows:{name}", options)

    level = "Level min(0.01, 100 / N), fixed before any run."
    return (
        Method("correlation above a threshold", row("MarginalThreshold"), level),
        Method("PC", row("LearnedGraph", learner="pc"), level),
        Method("ICD", row("LearnedGraph", learner="icd"), level),
        Method("ICD, order known", row("LearnedGraph", learner="icd", ordered=True), level),
        Method("PC, level 0.01", row("LearnedGraph", learner="pc", alpha=0.01), "CLEANN's default, whatever N."),
        Method("ICD, level 0.01", row("LearnedGraph", learner="icd", alpha=0.01), "CLEANN's default, whatever N."),
    )


TABLE = PublishedTable(
    name="cleann",
    title="The causal graph behind an attention matrix",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand=None,
    unit="",
    draw=draw,
    cells=(
        Cell("N = 384", {"n": 384}),
        Cell("N = 768", {"n": 768}),
        Cell("N = 10,000", {"n": 1e4}),
        Cell("N = 1,000,000", {"n": 1e6}),
        Cell("exact, N = 1,000,000", {"n": 1e6, "exact": True}),
        Cell("exact, N = 1e12", {"n": 1e12, "exact": True}),
        Cell("degree 2.5, N = 1,000,000", {"n": 1e6, "degree": 2.5}),
        Cell("degree 2.5, both signs, N = 1,000,000", {"n": 1e6, "degree": 2.5, "both_signs": True}),
        Cell("degree 2.5, both signs, exact, N = 1e12", {"n": 1e12, "exact": True, "degree": 2.5, "both_signs": True}),
    ),
    methods=_methods(),
    replications=100,
    metrics=(),
    measure=measure,
    measures=MEASURES,
    against=("correlation above a threshold",),
    seed=2310,
    quick_fraction=0.02,
)
