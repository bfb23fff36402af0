"""Three failures of language models as probes: what a small model answers, next to a coin, the shortcut and the truth.

What it shows: SmolLM2 (135M parameters, 4-bit weights) on generated questions in counterfactual pairs, scored by the
likelihood of two fixed answers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.bench.spec import Build, Cell, Material, Method, PublishedTable

__all__ = ["TABLE", "draw", "measure"]

SOURCE = """
Ours: the deck has three anecdotes of larger models (a secretary in the men's changing room, 2.11 against 2.9, the
deadline of a conference in a year without one) and no figures.
"""

PROTOCOL = """
Ten draws of each probe: 50 sentences in English and as many in Chinese (5 bases of 10), 40 comparisons (5 bases of 8),
32 questions on events and 32 on people and dates (8 matched pairs, each put in two ways). The answer is the one with
the larger log-probability, prompt and answer apart; no text is generated. *Plain* is the question and the
beginning of the answer as running text, *chat* the template of the tokenizer. *Shortcut misleads* and *helps* are items
of the same pairs: an occupation against and with the place; 2.9 and 2.90 against 2.11, as numbers; a false and a true
premise, presupposed. *Moved right by the deciding word*: the share of pairs, with another place, framing or year, whose
log-odds move towards the new right answer; a constant liking for one answer moves none. The coin has 0.5, 0.5, 0.25 and
0.5; the shortcut 0, 1, 0; *knows* reads the question and has 1 throughout.
"""

GAPS = """
* One model of 135M parameters with its weights rounded to 4 bits says nothing of larger ones. It was trained on
  English; its Chinese figures show little more than the frequency of bytes.
* A pronoun after "the male boss's secretary" may mean the boss, so the pull of the boss is not a fault by itself. The
  shares are of sentences that do not describe the boss.
* Standard errors are over draws of items from a small store of sentences, occupations, events and people; they do not
  cover the choice of that store.
* Which occupations are thought female is our list. Dates and years are from general knowledge, within 2000 to 2019.
* The counts of pairs are of right answers. For premises a model that rejects everything is right on every false one and
  on no true one, and the counts say just that; the test that is silent on it is that of rejections (`rejection_test`).
* Likelihood of a fixed answer is not what a model would say; an answer that neither accepts nor rejects is not offered.
* As numbers the right answer of a conflict is the shorter text and as versions the longer; compare both before reading
  one.
"""

MEASURES = (
    "right, shortcut misleads", "right, shortcut helps", "right, both of a pair", "moved right by the deciding word",
)  # fmt: skip


def draw(rng: np.random.Generator, *, probe: str, n: int, **options: Any) -> Material:
    """Questions for the answerers; what is right, for the judge alone."""
    from yinguo.bench.probes_rows import Asked
    from yinguo.language.probes.decimals import decimal_items
    from yinguo.language.probes.events import event_items
    from yinguo.language.probes.gender import gender_items

    make: dict[str, Any] = {"gender": gender_items, "decimals": decimal_items, "events": event_items}
    items = make[probe](n, random_state=rng, **options)
    return Material(Asked(probe, tuple(item.question for item in items)), {"items": items})


def measure(fitted: Any, drawn: Any) -> Mapping[str, float]:
    """Shares and pulls of a probe, and the pairs on which the exact test rests."""
    from yinguo.language.probes.decimals import read_decimals
    from yinguo.language.probes.events import read_events
    from yinguo.language.probes.gender import read_gender

    read = {"gender": read_gender, "decimals": read_decimals, "events": read_events}
    reading = read[drawn.study.probe](drawn.extras["items"], fitted.margins_)
    counts = {
        "pairs tested": reading.test.n,
        "pairs right only where it misleads": reading.test.first_only,
        "pairs right only where it helps": reading.test.second_only,
    }
    return {**reading.figures, **counts}


def _methods() -> tuple[Method, ...]:
    def row(name: str, **options: Any) -> Build:
        return Build(f"yinguo.bench.probes_rows:{name}", options)

    return (
        Method("SmolLM2, plain", row("LanguageModel", checkpoint="smollm2", style="plain"), "No options to choose."),
        Method("SmolLM2, chat", row("LanguageModel", checkpoint="smollm2", style="chat"),
               "No options to choose. Not in Chinese, which the model was not taught.",
               ("gender, English", "decimals and versions", "events", "people and dates")),
        Method("coin", row("Coin"), "The level of chance."),
        Method("shortcut", row("Rule", knows=False), "Occupation; versions for numbers; every premise is true."),
        Method("knows", row("Rule", knows=True), "Reads place, framing or year: full marks can be had."),
    )  # fmt: skip


TABLE = PublishedTable(
    name="probes",
    title="Questions that are answered wrongly by what often stands together",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand=None,
    unit="",
    draw=draw,
    cells=(
        Cell("gender, English", {"probe": "gender", "n": 5, "language": "en"}),
        Cell("gender, Chinese", {"probe": "gender", "n": 5, "language": "zh"}),
        Cell("decimals and versions", {"probe": "decimals", "n": 5}),
        Cell("events", {"probe": "events", "n": 8, "kinds": ["event"]}),
        Cell("people and dates", {"probe": "events", "n": 8, "kinds": ["person", "date"]}),
    ),
    methods=_methods(),
    replications=10,
    metrics=(),
    measure=measure,
    measures=MEASURES,
    against=("coin",),
    seed=2411,
    quick_fraction=0.1,
)
