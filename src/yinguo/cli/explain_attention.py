"""``yinguo explain-attention``: what the attention of a model says about one text, and what a prediction hangs on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yinguo.cli.output import check_target, console, emit, json_text
from yinguo.core.lazy import require
from yinguo.errors import DataError

__all__ = ["AttentionRequest", "explain_attention"]

_PICTURES = (".svg", ".png", ".pdf")


@dataclass(frozen=True, slots=True)
class AttentionRequest:
    """What was asked for; fields are the options of the command.

    Attributes
    ----------
    model, text : str
    target : str or None
    labels : sequence of str
    layer : int
        -1 is the deepest.
    head : int or None
        None is all.
    alpha : float
    learner : {"icd", "pc"}
    max_size : int
    samples : int or None
        None is the width of the model.
    all_words : bool
    form : {"table", "json"}
    out : str or None
    """

    model: str
    text: str
    target: str | None
    labels: Sequence[str]
    layer: int
    head: int | None
    alpha: float
    learner: str
    max_size: int
    samples: int | None
    all_words: bool
    form: str
    out: str | None


def explain_attention(asked: AttentionRequest) -> int:
    """Read, learn one graph for each head, search explanations, tell and draw.

    Raises
    ------
    DataError
        A model, layer, head, word or file that cannot be used.
    """
    _check(asked)
    if asked.out is not None:
        require("matplotlib", "report")
    from yinguo.language.explain import explain_text
    from yinguo.language.hub import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    found = explain_text(
        asked.model, asked.text, target=asked.target, labels=_labels(asked.labels), layer=asked.layer, head=asked.head,
        n_samples=asked.samples, all_words=asked.all_words,
        options={"alpha": asked.alpha, "learner": asked.learner, "max_size": asked.max_size},
    )  # fmt: skip
    if asked.out is not None:
        from yinguo.report.attention_graph import attention_graph_plot, save_picture

        union = {found.names[k] for item in found.union for k in item.words}
        graphs = {f"layer {found.layer}, head {head}": graph for head, graph in found.graphs.items()}
        save_picture(attention_graph_plot(graphs, target=found.names[found.target], explained_by=union), asked.out)
    if asked.form == "json":
        emit(json_text(found.to_dict()))
    else:
        _tell(found)
        if asked.out is not None:
            emit(f"\nThe picture is in {asked.out}.")
    return 0


def _check(asked: AttentionRequest) -> None:
    if not asked.text.strip():
        raise DataError("the text is empty; give a sentence in quotation marks.")
    if asked.out is not None:
        if Path(asked.out).suffix.lower() not in _PICTURES:
            raise DataError(f"--out {asked.out} ends in none of {', '.join(_PICTURES)}; choose one.")
        check_target(asked.out, option="--out")


def _labels(given: Sequence[str]) -> list[str]:
    return [label.strip() for part in given for label in part.split(",") if label.strip()]


def _tell(found: Any) -> None:
    target = console()
    kind = "PAG (hidden causes allowed)" if found.kind == "PAG" else "CPDAG (no hidden causes)"
    target.print(f"{found.model}, layer {found.layer}: {len(found.graphs)} heads over {len(found.nodes)} words, {kind}")
    target.print(f"{found.question}\n")
    for head, graph in found.graphs.items():
        edges = ", ".join(" ".join(edge) for edge in graph.edges()) or "no edge"
        target.print(f"head {head}: {edges}", soft_wrap=True)
        if found.asked:
            target.print(f"  explained by {_sets(found, found.explanations[head])}", soft_wrap=True)
    target.print()
    if not found.asked:
        target.print("No explanations: this model predicts nothing. Name classes with --labels A,B.")
    else:
        target.print(f"All heads together: {_sets(found, found.union)}", soft_wrap=True)
        target.print(f"{found.runs} runs of the model; trying every set up to that size takes {found.exhaustive_runs}.")
    target.print("o either mark, - tail, > arrow; a <-> b: neither moves the other.")


def _sets(found: Any, explanations: Sequence[Any]) -> str:
    names = ["{" + ", ".join(found.names[k] for k in item.words) + "}" for item in explanations]
    return ", ".join(names) or f"no set of up to {found.max_size} words"
