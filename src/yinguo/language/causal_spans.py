r"""Text with known causes, as tokens: which positions ought to look where.

A row is a prompt, an answer, and links between stretches of characters: this later stretch (as a rule the answer)
rests on these earlier ones. With token p the first of a later stretch, position p - 1 is where it is predicted, so the
**row is shifted one to the left**: M[p - 1, j] is true for every token j of the earlier stretch.

Tokens are found through the offsets that every fast tokenizer reports, so that byte-level BPE, WordPiece and
SentencePiece models are treated alike. The released code looks for the tokens of a phrase as a run of ids instead,
which fails wherever a phrase is split otherwise inside its sentence than on its own.

Source of the layout: Han, Zhao, Zhao, Ye, Pan & Kuang (2025), CAT: Causal Attention Tuning, EMNLP, arXiv 2509.01535.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.checks import check_whole
from yinguo.errors import DataError
from yinguo.language.checks import check_texts

__all__ = ["CausalText", "Link", "TokenRow", "tokenise", "tokenise_all"]

#: A later stretch of characters, as (start, end), and the earlier ones it rests on.
Link = tuple[tuple[int, int], tuple[tuple[int, int], ...]]
#: How tokens write a space.
SPACE_MARKS = "▁Ġ \t\n"
#: Label of a token that is not to be predicted, as in torch and transformers.
IGNORED = -100


@dataclass(frozen=True, slots=True)
class CausalText:
    """A prompt, its answer, and what in it rests on what.

    Attributes
    ----------
    prompt, answer : str
        Joined by one space; blanks around that place are dropped, so that the tokens of the prompt are the same with
        and without its answer.
    links : tuple of ((start, end), ((start, end), ...))
        Character positions in :attr:`text`, end excluded: a later stretch and the earlier ones it rests on.
    skipped : int
        Phrases left out because they were not found.

    Raises
    ------
    DataError
        A prompt or answer that is no text, a stretch that is empty or outside the text, or a cause that does not end
        before its effect begins.

    Examples
    --------
    >>> row = CausalText.from_phrases("Smoking: 9, Room size: 9 Answer:", "High", {"High": ["Smoking: 9"]})
    >>> row.text[slice(*row.links[0][0])], [row.text[slice(*cause)] for cause in row.links[0][1]]
    ('High', ['Smoking: 9'])
    """

    prompt: str
    answer: str
    links: tuple[Link, ...] = ()
    skipped: int = 0

    def __post_init__(self) -> None:
        check_texts("prompt and answer", (self.prompt, self.answer))
        object.__setattr__(self, "prompt", self.prompt.rstrip())
        object.__setattr__(self, "answer", self.answer.strip())
        length = len(self.text)
        for effect, causes in map(_parted, self.links):
            for start, end in (effect, *causes):
                if not 0 <= start < end <= length:
                    raise DataError(f"the stretch ({start}, {end}) is not inside the text of {length} characters.")
            for cause in causes:
                if cause[1] > effect[0]:
                    raise DataError(
                        f"the cause {self.text[slice(*cause)]!r} at {cause} does not end before its effect "
                        f"{self.text[slice(*effect)]!r} at {effect} begins; attention looks back only."
                    )

    @property
    def text(self) -> str:
        """Prompt and answer, joined."""
        return f"{self.prompt} {self.answer}" if self.answer else self.prompt

    @property
    def answer_start(self) -> int:
        """Where the answer begins in the text, with the space before it."""
        return len(self.prompt)

    @classmethod
    def from_phrases(
        cls,
        prompt: str,
        answer: str,
        phrases: Mapping[str, Sequence[str]] | Iterable[Mapping[str, Sequence[str]]],
        *,
        occurrences: str = "nearest",
        missing: str = "error",
    ) -> "CausalText":
        """Find phrases in the text.

        A phrase matches whole words only: ``1`` is not found in ``10``, ``1.5`` or ``a1``.

        Parameters
        ----------
        prompt, answer : str
        phrases : mapping of a later phrase to the earlier ones, or several of them
            The format of the released data, ``important``.
        occurrences : {"nearest", "all"}
            Where an earlier phrase stands several times before a later one: take the last of them, or all, as the
            released code does. Give character positions where neither is right, as for numbers that repeat by chance.
        missing : {"error", "count"}
            What to do with a phrase that is not there, or stands nowhere before the later one: refuse, naming it, or
            leave it out and count it in ``skipped``.

        Raises
        ------
        DataError
            A phrase that is not found.
        """
        for name, value, known in (("occurrences", occurrences, ("nearest", "all")),
                                   ("missing", missing, ("error", "count"))):  # fmt: skip
            if value not in known:
                raise DataError(f"{name} is {value!r}; it must be one of {', '.join(known)}.")
        text = cls(prompt, answer).text
        links: list[Link] = []
        skipped = 0
        for later, earlier in _pairs(phrases):
            effects = _places(text, later)
            if not effects and missing == "error":
                raise DataError(f"the phrase {later!r} is not in the text {text!r}; mend it or pass missing='count'.")
            skipped += not effects
            for phrase in earlier if effects else ():
                places = _places(text, phrase)
                before = [[place for place in places if place[1] <= effect[0]] for effect in effects]
                if not any(before):
                    if missing == "error":
                        where = f"nowhere before {later!r}" if places else "not"
                        raise DataError(
                            f"the phrase {phrase!r} is {where} in the text {text!r}; mend it or pass missing='count'."
                        )
                    skipped += 1
                chosen = before if occurrences == "all" else [found[-1:] for found in before]
                links += [(effect, tuple(found)) for effect, found in zip(effects, chosen, strict=True) if found]
        return cls(prompt, answer, tuple(links), skipped)


@dataclass(frozen=True, slots=True, eq=False)
class TokenRow:
    """A text as a model takes it.

    Attributes
    ----------
    input_ids : (T,) int array
    labels : (T,) int array
        The same where the token belongs to the answer (or ends it), -100 elsewhere.
    supervision : (T, T) bool array
        M: true where position i ought to look at position j.
    offsets : (T, 2) int array
        Characters that a token stands for; an empty stretch for special tokens.
    dropped : int
        Links that truncation cut, in part or whole; nothing of them is supervised.
    """

    input_ids: np.ndarray
    labels: np.ndarray
    supervision: np.ndarray
    offsets: np.ndarray
    dropped: int


def tokenise(row: CausalText, tokenizer: Any, *, max_length: int | None = None, append_eos: bool = True) -> TokenRow:
    """Tokens, labels on the answer alone, and supervision of one text.

    Parameters
    ----------
    row : CausalText
    tokenizer : transformers.PreTrainedTokenizerFast
        Any fast one; ``truncation_side`` says which end is cut.
    max_length : int, optional
        Longest sequence of tokens.
    append_eos : bool, default True
        End the answer with the token at which generation stops, if the tokenizer has one and did not add it itself.

    Raises
    ------
    DataError
        A tokenizer that is not a fast one, a text without tokens, or a length that is no whole number above 0.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise DataError(f"{type(tokenizer).__name__} is no fast tokenizer, so it does not say where its tokens stand; "
                        "load it with AutoTokenizer.from_pretrained(..., use_fast=True).")  # fmt: skip
    if not isinstance(row, CausalText):
        raise DataError(f"the text is {row!r}; give a CausalText, with its prompt and its answer.")
    check_whole("max_length", max_length, none=True)
    coded = tokenizer(row.text, return_offsets_mapping=True)
    ids = list(coded["input_ids"])
    if not ids:
        raise DataError(f"the text {row.text!r} has no token; leave it out.")
    offsets = [
        # Where a space is put before the text, its token claims the first character; it stands for none.
        (start, start) if row.text[start:end].strip() and not mark.strip(SPACE_MARKS) else (start, end)
        for (start, end), mark in zip(coded["offset_mapping"], tokenizer.convert_ids_to_tokens(ids), strict=True)
    ]
    answers = [end > row.answer_start for _, end in coded["offset_mapping"]]
    eos = tokenizer.eos_token_id
    if append_eos and row.answer and ids[-1] in (eos, tokenizer.sep_token_id):
        answers[-1] = True
    elif append_eos and row.answer and eos is not None:
        ids.append(eos)
        offsets.append((len(row.text), len(row.text)))
        answers.append(True)
    offsets_array = np.array(offsets, dtype=np.int64).reshape(-1, 2)
    kept = _kept(len(ids), max_length, tokenizer.truncation_side)
    supervision, dropped = _supervision(offsets_array, row.links, kept)
    input_ids = np.array(ids, dtype=np.int64)
    labels = np.where(answers, input_ids, IGNORED) if row.answer else np.full(len(ids), IGNORED)
    return TokenRow(input_ids[kept], labels[kept], supervision, offsets_array[kept], dropped)


def tokenise_all(
    rows: Iterable[CausalText], tokenizer: Any, *, max_length: int | None = None, append_eos: bool = True
) -> list[TokenRow]:
    """:func:`tokenise` for each text; together they say in ``dropped`` what truncation cost."""
    return [tokenise(row, tokenizer, max_length=max_length, append_eos=append_eos) for row in rows]


def _parted(link: Any) -> Link:
    """A link as its effect and its causes, each a start and an end."""
    try:
        effect, causes = link
        (start, end), pairs = effect, tuple((first, last) for first, last in causes)
    except (TypeError, ValueError) as error:
        raise DataError(f"links hold {link!r}; a link is ((start, end), ((start, end), ...)), the later stretch and "
                        "those it rests on.") from error  # fmt: skip
    return (start, end), pairs


def _pairs(phrases: Any) -> list[tuple[str, Sequence[str]]]:
    if phrases is None:
        raise DataError("phrases is None; give a mapping of a later phrase to a list of earlier ones.")
    maps = [phrases] if isinstance(phrases, Mapping) else list(phrases)
    for one in maps:
        if not isinstance(one, Mapping):
            raise DataError(f"phrases hold {one!r}; give a mapping of a later phrase to a list of earlier ones.")
        for later, earlier in one.items():
            if isinstance(earlier, str) or not isinstance(earlier, Iterable):
                said = f"the text {earlier!r}" if isinstance(earlier, str) else repr(earlier)
                raise DataError(f"the earlier phrases of {later!r} are {said}; give a list of phrases.")
    return [(str(later), [str(phrase) for phrase in earlier]) for one in maps for later, earlier in one.items()]


def _places(text: str, phrase: str) -> list[tuple[int, int]]:
    """Where a phrase stands as whole words; overlapping occurrences count."""
    if not phrase.strip():
        return []
    phrase = phrase.strip()
    before = r"(?<!\w)(?<!\d[.,])" if re.match(r"\w", phrase) else ""
    after = r"(?!\w)(?![.,]\d)" if re.search(r"\w$", phrase) else ""
    found = re.finditer(f"{before}(?=({re.escape(phrase)}{after}))", text)
    return [(match.start(1), match.end(1)) for match in found]


def _kept(length: int, most: int | None, side: str) -> slice:
    """Positions that truncation leaves."""
    if most is None or length <= most:
        return slice(0, length)
    return slice(0, most) if side == "right" else slice(length - most, length)


def _supervision(offsets: np.ndarray, links: Sequence[Link], kept: slice) -> tuple[np.ndarray, int]:
    """M over the positions kept, and the number of links that lost a token."""
    M = np.zeros((len(offsets), len(offsets)), dtype=bool)
    inside = np.zeros(len(offsets), dtype=bool)
    inside[kept] = True
    dropped = 0
    for effect, causes in links:
        # A token at the very start is predicted by nothing.
        rows = np.flatnonzero(_covers(offsets, effect)) - 1
        rows = rows[rows >= 0]
        for cause in causes:
            columns = np.flatnonzero(_covers(offsets, cause))
            whole = inside[rows].all() and inside[rows + 1].all() and inside[columns].all()
            dropped += not whole
            if whole:
                M[np.ix_(rows, columns)] = True
    return np.tril(M)[kept, kept], dropped


def _covers(offsets: np.ndarray, stretch: tuple[int, int]) -> np.ndarray:
    """Whether each token stands for a character of a stretch."""
    start, end = stretch
    return (offsets[:, 0] < end) & (offsets[:, 1] > start) & (offsets[:, 1] > offsets[:, 0])
