"""Which of two answers a model finds more likely."""

from collections.abc import Sequence

import numpy as np

from yinguo.errors import DataError
from yinguo.language.checkpoints import Checkpoint
from yinguo.language.probes.items import Question
from yinguo.language.sequence_scores import score_texts
from yinguo.nets import torch

__all__ = ["answer_margins"]


def answer_margins(
    checkpoint: Checkpoint, questions: Sequence[Question], *, style: str = "plain", rows: int = 16
) -> np.ndarray:
    """Log-probability of the first answer less that of the second, each given question and lead.

    Parameters
    ----------
    checkpoint : Checkpoint
        A decoder, from :func:`yinguo.language.load_checkpoint`.
    questions : sequence of Question
    style : {"plain", "chat"}
        The question as running text, or as the words of a user in the template of the tokenizer with the lead as the
        beginning of the reply.
    rows : int, default 16
        Texts read at a time.

    Returns
    -------
    (n,) array, nats

    Raises
    ------
    DataError
        A style that is unknown, or a chat without a template or without a question.
    """
    if style not in ("plain", "chat"):
        raise DataError(f"style is {style!r}; it must be 'plain' or 'chat'.")
    before = [_shown(checkpoint, question, style) for question in questions]
    # The same text twice is read once: many conditions change one question of a base and not another.
    wanted = dict.fromkeys((b, answer) for b, q in zip(before, questions, strict=True) for answer in q.answers)
    prompts, texts = [b for b, _ in wanted], [answer for _, answer in wanted]
    score = dict(zip(wanted, _scores(checkpoint, prompts, texts, rows), strict=True))
    return np.array([score[b, q.answers[0]] - score[b, q.answers[1]] for b, q in zip(before, questions, strict=True)])


def _scores(checkpoint: Checkpoint, prompts: list[str], texts: list[str], rows: int) -> np.ndarray:
    """Log-probability of each text after its prompt.

    Where the texts of a prompt are single tokens, one reading of the prompt scores them all.
    """
    alone = [checkpoint.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    short = np.array([len(tokens) == 1 for tokens in alone])
    total = np.zeros(len(texts))
    rest = np.flatnonzero(~short)
    if rest.size:
        total[rest] = score_texts(
            checkpoint.model, checkpoint.tokenizer, [texts[k] for k in rest],
            prompts=[prompts[k] for k in rest], rows=rows,
        ).total  # fmt: skip
    if short.any():
        once = list(dict.fromkeys(prompts[k] for k in np.flatnonzero(short)))
        following = dict(zip(once, _next_token(checkpoint, once, rows), strict=True))
        for k in np.flatnonzero(short):
            total[k] = float(following[prompts[k]][alone[k][0]])
    return total


def _next_token(checkpoint: Checkpoint, prompts: list[str], rows: int) -> list[torch.Tensor]:
    """Log-probabilities of what follows each prompt, (V,) tensors."""
    tokens = [checkpoint.tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda k: len(tokens[k]))  # like lengths together: less padding
    found: dict[int, torch.Tensor] = {}
    device = next(checkpoint.model.parameters()).device
    for start in range(0, len(order), rows):
        chosen = order[start : start + rows]
        width = len(tokens[chosen[-1]])
        # Padding goes to the right, where no token sees it; the last real position is read.
        batch = torch.tensor([tokens[k] + [0] * (width - len(tokens[k])) for k in chosen], device=device)
        last = torch.tensor([len(tokens[k]) - 1 for k in chosen], device=device)
        with torch.no_grad():
            logits = checkpoint.model(batch, use_cache=False).logits
        scores = logits[torch.arange(len(chosen), device=device), last].float().log_softmax(-1).cpu()
        found |= dict(zip(chosen, scores, strict=True))
    return [found[k] for k in range(len(prompts))]


def _shown(checkpoint: Checkpoint, question: Question, style: str) -> str:
    if style == "plain":
        return f"{question.prompt}\n{question.lead}" if question.prompt else question.lead
    if not question.prompt:
        raise DataError("a chat needs a question; this one only has the beginning of a sentence. Use style='plain'.")
    if getattr(checkpoint.tokenizer, "chat_template", None) is None:
        raise DataError(f"the tokenizer of {checkpoint.name} has no chat template; use style='plain'.")
    said = [{"role": "user", "content": question.prompt}]
    opened = checkpoint.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    return f"{opened}{question.lead}"
