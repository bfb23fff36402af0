"""What a graph over the wrong words is worth: the control for searches along a graph.

A graph licenses so many sets, and some of so many would be explanations whatever the graph says. So the words are
exchanged at random among its nodes, the readout staying in its place: the same graph, which now knows nothing.
"""

import numpy as np

from yinguo.bench.cleann_rows import HeadGraphs, SentenceStudy

__all__ = ["ExchangedWords"]


class ExchangedWords(HeadGraphs):
    """A search for each head along its graph with the words exchanged.

    Parameters
    ----------
    learner : {"icd", "pc"}
    alpha : float
    layer : int
    complete : bool
        Go on with the sets of the same size that the graph does not license.
    random_state : int
    """

    def __init__(
        self,
        learner: str = "icd",
        alpha: float = 0.01,
        layer: int = -1,
        complete: bool = False,
        random_state: int = 0,
    ):
        super().__init__(learner=learner, alpha=alpha, layer=layer, complete=complete)
        self.random_state = random_state

    def fit(self, study: SentenceStudy) -> "ExchangedWords":
        """Learn the graphs, exchange their words and search along each."""
        other = dict(zip(study.nodes, np.random.default_rng(self.random_state).permutation(study.nodes), strict=True))

        def named(words):
            return tuple(sorted(int(other[k]) for k in words))

        renamed = SentenceStudy(
            study.attention, study.readout, study.positions, study.nodes, study.n_samples,
            lambda words: study.tester(named(words)),
        )  # fmt: skip
        super().fit(renamed)
        for search in self.searches_:
            search.found = [named(words) for words in search.found]
        return self
