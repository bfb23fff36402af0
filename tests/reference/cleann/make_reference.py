"""PAGs and CPDAGs of another package with a perfect test, on random graphs with hidden nodes.

Written once, with causal-learn 0.1.4.8 in an environment of its own (it needs pandas, statsmodels, networkx, graphviz
and matplotlib, which is why it is no dependency of ours): python make_reference.py
"""

import json
from importlib.metadata import version
from pathlib import Path

import networkx as nx
import numpy as np
from causallearn.search.ConstraintBased.FCI import fci
from causallearn.search.ConstraintBased.PC import pc
from causallearn.utils.cit import CIT_Base, register_ci_test

MARK = {0: 0, -1: 3, 1: 2, 2: 1}  # theirs: -1 tail, 1 arrow, 2 circle; ours: 1 circle, 2 arrow, 3 tail


def main() -> None:
    """Write causal_learn.json beside this file."""
    rng = np.random.default_rng(20211104)
    cases = []
    for _ in range(150):
        k = int(rng.integers(5, 9))
        parents = np.tril(rng.random((k, k)) < 2.4 / (k - 1), -1)
        observed = sorted(rng.permutation(k)[: k - int(rng.integers(0, 3))].tolist())
        graph = nx.DiGraph([(int(b), int(a)) for a, b in np.argwhere(parents)])
        graph.add_nodes_from(range(k))
        case = {"parents": parents.astype(int).tolist(), "observed": observed, "pag": learn(fci, graph, observed)}
        if len(observed) == k:
            case["cpdag"] = learn(pc, graph, observed)
        cases.append(case)
    told = {"package": f"causal-learn {version('causal-learn')}", "cases": cases}
    Path(__file__).with_name("causal_learn.json").write_text(json.dumps(told, separators=(",", ":")) + "\n")


def learn(search, graph: nx.DiGraph, observed: list[int]) -> list[list[int]]:
    """Marks in our order: [i][j] is the mark at j."""

    class Perfect(CIT_Base):
        def __init__(self, data, **kwargs):
            super().__init__(data, **kwargs)
            self.check_cache_method_consistent("perfect", "none")

        def __call__(self, X, Y, condition_set=None):
            given = {observed[z] for z in condition_set or ()}
            return float(nx.is_d_separator(graph, {observed[int(X)]}, {observed[int(Y)]}, given))

    register_ci_test("perfect", Perfect)
    data = np.random.default_rng(0).normal(size=(50, len(observed)))
    if search is fci:
        found, _ = fci(data, "perfect", 0.5, verbose=False, show_progress=False)
    else:
        found = pc(data, 0.5, "perfect", show_progress=False).G
    at_row = found.graph.astype(int)  # theirs: [i][j] is the mark at i
    return [[MARK[int(at_row[j, i])] for j in range(len(observed))] for i in range(len(observed))]


if __name__ == "__main__":
    main()
