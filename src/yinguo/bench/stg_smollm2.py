"""The Spurious Token Game with an instruction model of 135 million weights and adapters: the second tier of `stg`.

What it shows: how far a pretrained model, tuned on rows in which shortcuts hold, follows them when they break; and
whether a loss that points its attention to the causes changes that.
"""

from typing import Any

from yinguo.bench.spec import Build, Cell, Method, PublishedTable
from yinguo.bench.stg_tuning_draw import draw, measure

__all__ = ["TABLE"]

SOURCE = """
Han, Zhao, Zhao, Ye, Pan & Kuang (2025), CAT: Causal Attention Tuning, EMNLP, arXiv 2509.01535, whose rows come from
models of 1.1 to 8 billion weights. Its figures (TinyLlama, LoRA, as printed and unverified: OOD 59.3 to 65.5 on S, 56.8
to 63.5 on M) are of other models and not repeated as cells.
"""

PROTOCOL = """
SmolLM2-135M-Instruct with LoRA (rank 8 on queries and values), the released training rows S (400) and M (800), one
epoch in batches of 8, learning rate 3e-3 falling linearly, products in 16 bits. CAT adds the Re-Attention hinge (alpha
2, gamma 5) on the mean of attention over heads and layers, first token left out. The answer is the likeliest of the
three labels. 200 of the 400 released test rows of each kind, drawn anew for each seed, the same for every method.
Balanced accuracy is the mean over Low and High Risk. "causal mass" is the share of attention, where the label is
predicted, on the three causal items (8 training rows). "the causes alone" tunes and tests on prompts that hold nothing
else: CAT uses annotations that plain tuning lacks, and this is what they could give.
"""

GAPS = """
* Not enough steps: after 50 (S) or 100 (M), neither plain tuning nor CAT has left the majority line on shifted rows. On
  M plain tuning has begun to learn the training law (IID 80.5 % against 71 %), CAT less so (75.5 %), and neither any of
  it that holds on shifted rows. CAT's attention does move to the causes. Whether it pays once the game is learned is
  left open here; `stg` asks that of a small decoder.
* Fits that are not there yet are run by `yinguo bench stg-smollm2`, some 2 to 5 minutes of a processor each.
* The seeds of adapters and order differ between the methods; only the test rows are shared.
* A machine of two cores: one pass over the rows and one seed. An accuracy of 70 % over 200 rows has a standard error
  of 3.2 points.
* The published loop, its number of epochs (10) and its batches (64) are not matched.
"""

CHOSEN = """
Three looks at 16 steps each, at both losses on the training rows alone: at (learning rate, gamma) = (1e-3, 1) and
(1e-3, 10) attention hardly moved in that time, at (3e-3, 5) it did and the loss on the answer fell fastest.
"""


def _tuning(**options: Any) -> Build:
    return Build("yinguo.bench.stg_tuning_rows:STGTuning", options)


TABLE = PublishedTable(
    name="stg-smollm2",
    title="Spurious Token Game with SmolLM2 and adapters",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand=None,
    unit="",
    draw=draw,
    cells=(Cell("STG_S", {"size": "s"}), Cell("STG_M", {"size": "m"})),
    methods=(
        Method("plain tuning", _tuning(learning_rate=3e-3), "The settings of the CAT row, gamma 0."),
        Method("CAT", _tuning(gamma=5.0, alpha=2.0, learning_rate=3e-3), CHOSEN.strip().replace("\n", " ")),
        Method(
            "the causes alone", _tuning(oracle=True, learning_rate=3e-3), "The settings of plain tuning.", ("STG_S",)
        ),
        Method("always the most frequent", Build("yinguo.bench.stg_tuning_rows:AlwaysLow"), "No options."),
    ),
    replications=1,
    metrics=("seconds",),
    measure=measure,
    measures=("OOD accuracy", "IID accuracy", "OOD balanced", "IID balanced"),
    against=("plain tuning",),
    seed=2509,
)
