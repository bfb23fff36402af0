"""Which words of an arithmetic word problem cause its answer, by rules.

The answer rests on the numbers that count, with the nouns they count; on the words that say what is done with them; and
on the noun that is asked for. A number does not count if other numbers count what is asked for and it counts something
else, unless its sentence relates the two ("each", "per", "times"), or it dates the story ("in 3 days" stays, "grade 3"
goes).

The paper has an assistant language model do this; its released links are read by
:meth:`~yinguo.language.causal_spans.CausalText.from_phrases`. These rules need no model, look at no equation and can be
checked against equations where those are published. How often they are right stands in docs/language/cat.md.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from yinguo.language.causal_spans import CausalText
from yinguo.language.checks import check_texts
from yinguo.language.word_problems import plain_number

__all__ = ["CUES", "NumberSpan", "annotate", "numbers_in", "relevant_numbers"]


def _listed(*lines: str) -> list[str]:
    return " ".join(lines).split()


_UNITS = _listed(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen",
    "eighteen nineteen",
)
_TENS = _listed("twenty thirty forty fifty sixty seventy eighty ninety")
_WORDS = {word: k + 1 for k, word in enumerate(_UNITS)} | {word: 10 * (k + 2) for k, word in enumerate(_TENS)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
#: Words that are a number in themselves.
_FACTORS = {"dozen": 12, "half": 0.5, "twice": 2, "double": 2, "triple": 3, "thrice": 3, "quarter": 0.25}

_WORD_NUMBER = "|".join(sorted([*_WORDS, *_SCALES], key=len, reverse=True))
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<figures>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+)(?:st|nd|rd|th)?(?!\w|[.,/]\d)"
    rf"|\b(?P<words>(?:{_WORD_NUMBER})(?:(?:[\s-]+(?:and\s+)?)(?:{_WORD_NUMBER}))*)\b"
    rf"|\b(?P<factor>{'|'.join(_FACTORS)})\b",
    re.IGNORECASE,
)
#: Words that end the noun phrase after a number, or are none.
_NO_NOUN = frozenset(
    _listed(
        "a an the of in on at and or to from with for by into onto over under but if then than that this these those",
        "which who while when where how many much per each every more less fewer he she they it we you i his her their",
        "its is are was were be been has have had will would can could does did do left now also only still after",
        "before during about as so there him them went came gave got took sold ate used made put cost costs weighs",
        "bought found saw died read",
    )
)
_PASSED_OVER = frozenset(_listed("more other new extra additional fewer less of the these those his her their our my"))
#: Words that say which operation is meant.
CUES = frozenset(
    _listed(
        "altogether total all combined together both sum plus more added adds add additional join joined increased",
        "left remain remaining remained remains fewer less minus difference gave gives give lost loses lose ate eat",
        "eats spent spend spends sold sells sell used uses use took takes broke away donated died shorter taller",
        "longer older younger heavier lighter farther change rest shares shared removed deleted paid owes",
        "each every per times twice double triple thrice dozen half equally split divided divide evenly groups rows",
        "average product quarter square area perimeter",
    )
)
_RELATING = re.compile(
    r"\b(each|every|per|apiece|times|twice|half|double|triple|equally|evenly|split|shared?|a piece|an? "
    r"(?:hour|day|week|minute|month|year|box|bag|pack))\b",
    re.IGNORECASE,
)
_ASKED = re.compile(r"\bhow\s+(?:many|much)\s+(?:more\s+|fewer\s+|less\s+|total\s+|of\s+the(?:se)?\s+)?"
                    r"(?P<noun>[A-Za-z'-]+(?:\s+[A-Za-z'-]+){0,3})", re.IGNORECASE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NumberSpan:
    """A number in a text.

    Attributes
    ----------
    value : str
        Plain, as :func:`~yinguo.language.word_problems.plain_number` writes it.
    start, end : int
        Characters of the number with what it counts.
    noun : tuple of str
        Stems of the words it counts; empty where none follows.
    sentence : int
        Which sentence it stands in, counted from 0.
    """

    value: str
    start: int
    end: int
    noun: tuple[str, ...]
    sentence: int


def annotate(question: str, answer: str, *, ask: str = "Answer:") -> CausalText:
    """A problem as a text whose answer is linked to the words that cause it.

    Parameters
    ----------
    question, answer : str
    ask : str, default "Answer:"
        Put between them.

    Returns
    -------
    CausalText
        One link from the answer to its causes; none where the question has no number.

    Examples
    --------
    >>> row = annotate("Ruth has 89 red apples. She shares 5 with Peter. How many apples does she have left?", "84")
    >>> [row.text[start:end] for start, end in row.links[0][1]]
    ['89 red apples', 'shares', '5', 'apples', 'left']
    """
    check_texts("question and answer", (question, answer))
    prompt = f"{question.strip()} {ask}".strip()
    counted = relevant_numbers(question)
    if not counted:
        return CausalText(prompt, answer)
    spans = [(number.start, number.end) for number in counted]
    spans += [match.span() for match in re.finditer(r"[A-Za-z]+", question) if match[0].lower() in CUES]
    spans += [match.span("noun") for match in _asked(question)]
    text = CausalText(prompt, answer)
    start = text.answer_start + 1
    return CausalText(prompt, answer, (((start, len(text.text)), _merged(spans)),))


def numbers_in(question: str) -> list[NumberSpan]:
    """All numbers of a text, in figures and in words, each with the noun that follows it.

    >>> [(n.value, n.noun) for n in numbers_in("Ann has twenty-one big dogs and 1,000.5 pounds of rice.")]
    [('21', ('big', 'dog')), ('1000.5', ('pound',))]
    """
    found = []
    for match in _NUMBER.finditer(question):
        words, end = _noun_after(question, match.end())
        sentence = len(re.findall(r"[.!?]\s", question[: match.start()]))
        found.append(NumberSpan(_value(match), match.start(), end, tuple(_stem(word) for word in words), sentence))
    return found


def relevant_numbers(question: str) -> list[NumberSpan]:
    """The numbers that count for the answer, by the rule of the module."""
    numbers = numbers_in(question)
    asked = {_stem(word) for match in _asked(question) for word in match["noun"].split()} - _NO_NOUN
    fits = [bool(asked) and asked <= set(number.noun) for number in numbers]
    if sum(fits) < 2:  # "red peaches" are asked for, and no two numbers count red ones: any peaches do
        fits = [bool(asked & set(number.noun)) for number in numbers]
    if sum(fits) < 2:
        return numbers
    relating = {
        k for k, sentence in enumerate(re.split(r"(?<=[.!?])\s", question)) if _RELATING.search(sentence)
    }  # fmt: skip
    return [
        number
        for number, fit in zip(numbers, fits, strict=True)
        if fit or not number.noun or number.sentence in relating
    ]


def _asked(question: str) -> list[re.Match]:
    """What is asked for, cut before the verb."""
    found = []
    for match in _ASKED.finditer(question):
        words = re.finditer(r"[A-Za-z'-]+", match["noun"])
        kept = 0
        for word in words:
            if word[0].lower() in _NO_NOUN:
                break
            kept = word.end()
        if kept:
            start = match.start("noun")
            cut = re.compile(r"(?P<noun>.{" + str(kept) + r"})", re.DOTALL).match(question, start)
            found += [cut] if cut else []
    return found


def _noun_after(text: str, position: int) -> tuple[list[str], int]:
    """Up to three words that a number counts, and where they end."""
    words: list[str] = []
    end = position
    for match in re.finditer(r"([\s-]+)([A-Za-z']+)", text[position : position + 60]):
        if position + match.start() != end or len(words) == 3:
            break
        word = match[2].lower()
        if not words and word in _PASSED_OVER:
            end = position + match.end()
            continue
        if word in _NO_NOUN or word in _WORDS:
            break
        words.append(word)
        end = position + match.end()
    return words, end if words else position


def _value(match: re.Match) -> str:
    if match["figures"]:
        return plain_number(match["figures"])
    if match["factor"]:
        return plain_number(_FACTORS[match["factor"].lower()])
    total, part = 0, 0
    for word in re.findall(r"[a-z]+", match["words"].lower()):
        if word in _SCALES:
            part = max(part, 1) * _SCALES[word]
            total, part = (total + part, 0) if _SCALES[word] > 100 else (total, part)
        elif word in _WORDS:
            part += _WORDS[word]
    return plain_number(total + part)


def _stem(word: str) -> str:
    """Singular, roughly: enough to see that two words are the same noun."""
    word = word.lower().removesuffix("'s")
    for ending, instead in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("sses", "ss"), ("oes", "o")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending) + instead
    return word.removesuffix("s") if len(word) > 3 and not word.endswith("ss") else word


def _merged(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """In order, those that overlap joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
