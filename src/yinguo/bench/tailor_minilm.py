"""A sentence encoder learns one new task: what is left of what it could before?

What it shows: the table ``tailor`` once more with a real model, all-MiniLM-L6-v2, in few draws.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.bench.spec import Build, Cell, Material, Method, PublishedTable

__all__ = ["TABLE", "draw", "measure"]

SOURCE = """
Ours, after Zhu, Sun, Li, Shen, Yan, Ding, Wu & Kuang (2024), Model Tailor, ICML, PMLR 235:62581-62598.
"""

PROTOCOL = """
all-MiniLM-L6-v2 (22.7 M parameters), mean of the last states. Original: three linear heads fitted on 300 generated
sentences before tuning and frozen (topic of four, tone, question or statement), and the search for the same said
otherwise among 50. New: which of two things is said to cause the other, sentences of another make; all weights and a
head tuned, 40 steps of 32 sentences, AdamW, rate 1e-4. P is the mean accuracy on 150 fresh sentences,
H = 2 P_orig P_new / (P_orig + P_new). Model Tailor is calibrated on 64 sentences of the new task, inputs of the tuned
model. "chosen": the setting with the best H-score on 100 further sentences of the original and 100 of the new task.
"""

GAPS = """
* Three draws: the intervals are wide, and the sentences are generated.
* The smallest density offered, 2 %, does best with compensation: a finer grid below it was not tried.
* The head of the new task is tuned with the model and kept by every row, the pre-trained one included.
"""

MEASURES = ("H-score", "Avg", "P_orig", "P_new")


def draw(rng: np.random.Generator) -> Material:
    """An encoder before and after tuning, and sentences to judge by."""
    from yinguo.bench.tailor_sentence_rows import Encoder
    from yinguo.bench.tailor_sentences import embed, fit_head, sentences, tune
    from yinguo.language.checkpoints import load_checkpoint
    from yinguo.nets.blocks import make_generator

    loaded = load_checkpoint("minilm", attention="sdpa")
    model, tokenizer = loaded.model, loaded.tokenizer
    seed = int(rng.integers(2**31))
    known, train = sentences(300, rng, make="original"), sentences(600, rng, make="new")
    X = embed(model, tokenizer, known.texts)
    heads = {task: fit_head(X, known.labels[task], k) for task, k in (("topic", 4), ("tone", 2), ("question", 2))}
    pretrained = {name: value.clone() for name, value in model.state_dict().items()}
    new_head = tune(model, tokenizer, train, steps=40, rate=1e-4, generator=make_generator(seed))
    tuned = {name: value.clone() for name, value in model.state_dict().items()}
    validation, test = (tuple(sentences(count, rng, make=make) for make in ("original", "new")) for count in (100, 150))
    study = Encoder(
        model, tokenizer, pretrained, tuned, heads, new_head, train, (validation[0], validation[1]), seed
    )  # fmt: skip
    return Material(study, {"test": test})


def measure(fitted: Any, drawn: Any) -> Mapping[str, float]:
    """H-score, average and their parts, and every original task."""
    from yinguo.bench.tailor_sentence_rows import performance
    from yinguo.language.tailor.scores import average_score, h_score

    old, new = performance(drawn.study, fitted.state_, drawn.extras["test"])
    values = list(old.values())
    figures = (h_score(values, [new]), average_score(values, [new]), float(np.mean(values)), new)
    return dict(zip(MEASURES, figures, strict=True)) | old


def _between(way: str, *grid: float, **options: Any) -> Build:
    return Build(
        "yinguo.bench.tailor_sentence_rows:BetweenEncoders", {"way": way, "grid": grid or (0.0,), "options": options}
    )


_CHOSEN = "By the H-score on validation sentences of both kinds of tasks."
TABLE = PublishedTable(
    name="tailor-minilm",
    title="A sentence encoder learns a new task without forgetting the old ones",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand=None,
    unit="",
    draw=draw,
    cells=(Cell("all-MiniLM-L6-v2", {}),),
    methods=(
        Method("pre-trained", _between("pretrained"), "No options."),
        Method("tuned", _between("tuned"), "No options."),
        Method("Model Tailor, 5 %", _between("tailor", 0.05), "Fixed beforehand."),
        Method("Model Tailor, 10 %", _between("tailor", 0.1), "The paper's setting."),
        Method(
            "Model Tailor, 10 %, no compensation", _between("tailor", 0.1, compensation="none"), "Fixed beforehand."
        ),
        Method("DARE", _between("dare", 0.9), "Drops 90 %."),
        Method("WiSE-FT", _between("wise-ft", 0.5), "Half way."),
        Method("grafting, 10 %", _between("graft", 0.1), "Fixed beforehand."),
        Method("Model Tailor, chosen", _between("tailor", 0.02, 0.05, 0.1, 0.2), f"{_CHOSEN} Density 2 to 20 %."),
        Method("DARE, chosen", _between("dare", 0.1, 0.3, 0.5, 0.9), f"{_CHOSEN} Drops 10 to 90 %."),
        Method("WiSE-FT, chosen", _between("wise-ft", 0.2, 0.4, 0.6, 0.8), f"{_CHOSEN} Alpha 0.2 to 0.8."),
    ),
    replications=3,
    metrics=("seconds",),
    measure=measure,
    measures=MEASURES,
    against=("WiSE-FT", "DARE", "WiSE-FT, chosen", "DARE, chosen"),
    seed=2403,
    quick_fraction=0.4,
)
