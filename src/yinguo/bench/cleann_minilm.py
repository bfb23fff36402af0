"""Do graphs from attention lead to the words that a sentence's class hangs on?

What it shows: minimal explanations found along CLEANN's graphs of MiniLM, against trying every set, and how many runs
of the model it takes to come upon one, next to random order and to sorting by attention.
"""

import functools
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from yinguo.bench.cleann_rows import MOST_WORDS, SentenceStudy
from yinguo.bench.cleann_sentences import opinions
from yinguo.bench.spec import Build, Cell, Material, Method, PublishedTable

__all__ = ["TABLE", "draw", "measure"]

SOURCE = """
Ours; Rohekar, Gurwicz & Nisimov (2023), NeurIPS, explain sentiment and recommendations by larger models, and their
figures were not checked here.
"""

PROTOCOL = """
all-MiniLM-L6-v2, 12 heads, N = 384, the deepest of its 6 layers unless the row says another. A logistic classifier
(C = 10) of praise against complaint on its embeddings, trained on 600 sentences written by rule; fresh sentences of the
same rule are explained, 9 to 12 content words each. An explanation is a set of content words whose padding flips the
class. Sentences that no set of up to 3 words flips are drawn again, which looks at the exhaustive search and at no
method. Searches go by size and stop after the first size that gave an explanation. *Minimal*: it found one, and of the
smallest size there is. *Of the smallest sets*: share of the explanations of that size that it found. *Runs to the
first*: sets tried up to the first explanation, all that it had if there was none; *runs*: up to the end of that size.
Rows of one head are means over the 12 heads, each on its own.
"""

GAPS = """
* Searches that try every set of a size are minimal by construction; they differ in runs only. Those that do not may
  stop without an explanation, and then need few runs for nothing.
* The paper takes the deepest layer. Rows of other layers stand for the best that each method reached on 30 other
  sentences, among six layers and, for CLEANN, two levels.
* Sentences are made by rule and have no negation; the share found on real text may be another.
* The node that stands for the text is the mean of all tokens' rows. In the paper's classifiers it is a token of its
  own, the one that their training taught to collect.
* A graph that licenses half of all sets finds half of the explanations by chance. Rows "words exchanged" tell how many:
  the same graph, its words exchanged at random.
"""

CHOSEN = "Fewest runs to the first on 30 other sentences."
MEASURES = ("runs to the first", "runs", "minimal", "of the smallest sets", "found any")


def draw(rng: np.random.Generator) -> Material:
    """One sentence, its attention, and what every set of up to three words does to its class.

    Parameters
    ----------
    rng : numpy Generator
    """
    from yinguo.language.attention_reading import content_words, read_attention
    from yinguo.language.explanation_testers import flips_of_all

    checkpoint, classify = _judge()
    flips: dict[tuple[int, ...], bool] = {}
    while not any(flips.values()):
        text = opinions(1, rng)[0].text
        reading = read_attention(checkpoint, text)
        nodes = tuple(content_words(reading.words))
        sets = [words for size in range(1, MOST_WORDS + 1) for words in combinations(nodes, size)]
        flips = flips_of_all(reading, sets, classify)
    layers = [read_attention(checkpoint, text, layer=layer) for layer in range(reading.layer + 1)]
    study = SentenceStudy(
        attention=np.stack([r.attention for r in layers]), readout=np.stack([r.readout for r in layers]),
        positions=reading.positions, nodes=nodes, n_samples=reading.hidden_size,
        tester=lambda words: flips[tuple(words)],
    )  # fmt: skip
    least = min(len(words) for words, flipped in flips.items() if flipped)
    smallest = frozenset(words for words, flipped in flips.items() if flipped and len(words) == least)
    return Material(study, {"smallest": smallest, "size": least, "text": text})


def measure(fitted: Any, drawn: Any) -> Mapping[str, float]:
    """Runs of the model, and agreement with trying every set; means over the searches of a row.

    Parameters
    ----------
    fitted : row of the table
    drawn : Material
    """
    smallest, size = drawn.extras["smallest"], drawn.extras["size"]
    shares = [
        len({words for words in search.found if len(words) == size} & smallest) / len(smallest)
        for search in fitted.searches_
    ]
    sizes = [len(search.found[0]) for search in fitted.searches_ if search.found]
    told = {
        "runs to the first": np.mean([search.first for search in fitted.searches_]),
        "runs": np.mean([search.calls for search in fitted.searches_]),
        "minimal": np.mean(np.array(shares) > 0),
        "of the smallest sets": np.mean(shares),
        "found any": len(sizes) / len(fitted.searches_),
        "smallest size": size,
    }
    return {name: float(value) for name, value in told.items()}


@functools.cache
def _judge() -> tuple[Any, Any]:
    """The encoder, and the classifier on its embeddings."""
    from yinguo.language.checkpoints import load_checkpoint
    from yinguo.language.explanation_testers import embedding_classifier

    checkpoint = load_checkpoint("minilm")
    train = opinions(600, np.random.default_rng(20231020))
    return checkpoint, embedding_classifier(checkpoint, [o.text for o in train], [int(o.praise) for o in train], C=10.0)


def _methods() -> tuple[Method, ...]:
    def row(name: str, **options: Any) -> Build:
        return Build(f"yinguo.bench.cleann_rows:{name}", options)

    tuned = {"alpha": 1e-4, "layer": 3}
    return (
        Method("random order", row("RandomOrder"), "No options. Tries every set of a size."),
        Method("sorted by attention", row("AttentionOrder"), "Deepest layer. Tries every set of a size."),
        Method("sorted by attention, layer 0", row("AttentionOrder", layer=0), CHOSEN),
        Method("most attended words only", row("AttentionPrefixes"), "Deepest layer. One set of each size."),
        Method("CLEANN, one head", row("HeadGraphs"), "Defaults: ICD, level 0.01. Sets of the head's graph."),
        Method("CLEANN, one head, then the rest", row("HeadGraphs", complete=True), "Defaults; tries every set."),
        Method("CLEANN, all heads", row("GraphOrder"), "Defaults. Sets of the graph of any head."),
        Method("CLEANN, all heads, then the rest", row("GraphOrder", complete=True), "Defaults; tries every set."),
        Method("CLEANN by PC, one head", row("HeadGraphs", learner="pc"), "PC in the place of ICD, level 0.01."),
        Method("CLEANN, layer 3, level 1e-4, one head", row("HeadGraphs", **tuned), CHOSEN),
        Method(
            "CLEANN, layer 3, level 1e-4, all heads, then the rest", row("GraphOrder", complete=True, **tuned), CHOSEN
        ),
    )


TABLE = PublishedTable(
    name="cleann-minilm",
    title="Words that the class of a sentence hangs on, found along attention",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand=None,
    unit="",
    draw=draw,
    cells=(Cell("opinions", {}),),
    methods=(
        *_methods(),
        *(
            Method(
                f"{label}, words exchanged",
                Build("yinguo.bench.cleann_placebo:ExchangedWords", options),
                "Control: the same graph with its words exchanged at random.",
            )
            for label, options in (
                ("CLEANN, one head", {}),
                ("CLEANN, layer 3, level 1e-4, one head", {"alpha": 1e-4, "layer": 3}),
            )
        ),
    ),
    replications=60,
    metrics=(),
    measure=measure,
    measures=MEASURES,
    against=("random order",),
    seed=2311,
    quick_fraction=0.02,
)
