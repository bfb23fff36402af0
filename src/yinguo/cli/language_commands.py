"""Commands about language models and their options; :mod:`yinguo.cli.app` takes them in."""

from enum import StrEnum
from typing import Annotated

import typer

__all__ = ["explain_attention"]


class Learner(StrEnum):
    """Learners of a graph."""

    ICD = "icd"
    PC = "pc"


class Answer(StrEnum):
    """Forms of an answer."""

    TABLE = "table"
    JSON = "json"


def explain_attention(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="minilm, smollm2, a folder or a name.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A sentence, in quotation marks.")],
    target: Annotated[str | None, typer.Option(metavar="WORD", help="The word to explain. Default: the last.")] = None,
    labels: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Classes to tell apart, for a model without a head.")
    ] = None,
    layer: Annotated[int, typer.Option(metavar="N", help="Layer, from 0; -1 is the deepest.")] = -1,
    head: Annotated[int | None, typer.Option(metavar="N", help="One head, from 0. Default: all.")] = None,
    alpha: Annotated[float, typer.Option(metavar="LEVEL", help="Level of the independence tests.")] = 0.01,
    learner: Annotated[Learner, typer.Option(help="With hidden common causes (icd) or without (pc).")] = Learner.ICD,
    max_size: Annotated[int, typer.Option(metavar="N", help="Most words in an explanation.")] = 3,
    samples: Annotated[int | None, typer.Option(metavar="N", help="Draws behind A A'. Default: the width.")] = None,
    all_words: Annotated[bool, typer.Option("--all-words", help="Keep function words and punctuation.")] = False,
    form: Annotated[Answer, typer.Option("--format", help="How to answer.")] = Answer.TABLE,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Draw it: .svg, .png or .pdf.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the library's log, and the trace of a fault.")] = False,
) -> int:
    """Which words of a text move which, by the attention of each head, and without which the prediction changes."""
    from yinguo.cli.explain_attention import AttentionRequest, explain_attention

    return explain_attention(
        AttentionRequest(
            model=model, text=text, target=target, labels=labels or (), layer=layer, head=head, alpha=alpha,
            learner=learner.value, max_size=max_size, samples=samples, all_words=all_words, form=form.value, out=out,
        )
    )  # fmt: skip
