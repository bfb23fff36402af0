"""Does a model notice that what it is asked about never was?

The anecdote: asked for the deadline of a conference in a year in which there was none, the model makes one up. Items
come in matched pairs, one with a false and one with a true premise: an event held every two, four or five years and a
year in between; a person some years after and as many before their death; a date that the calendar does not have and
one that it has. Each is put in two ways: asked outright, yes or no, and presupposed, where the reply begins with the
thing itself.

A model that rejects everything is right on every false premise; Youden's index, rejections of false premises less
rejections of true ones, gives it zero.
"""

from collections.abc import Collection, Sequence
from itertools import product

import numpy as np

from yinguo.core.random import as_rng
from yinguo.errors import DataError
from yinguo.language.probes.items import ProbeItem, Question, Reading, checked, moved_right, paired_reading

__all__ = ["DATES", "EVENTS", "KINDS", "PEOPLE", "event_items", "read_events"]

KINDS = ("event", "person", "date")

#: Events by name, and the years from 2000 to 2019 in which they were held: first year, last year, years between.
EVENTS = {
    "the men's FIFA World Cup": (2002, 2018, 4),
    "the FIFA Women's World Cup": (2003, 2019, 4),
    "the Summer Olympics": (2000, 2016, 4),
    "the Winter Olympics": (2002, 2018, 4),
    "the UEFA European Football Championship": (2000, 2016, 4),
    "the Rugby World Cup": (2003, 2019, 4),
    "the men's Cricket World Cup": (2003, 2019, 4),
    "the Commonwealth Games": (2002, 2018, 4),
    "the Asian Games": (2002, 2018, 4),
    "the Pan American Games": (2003, 2019, 4),
    "the International Congress of Mathematicians": (2002, 2018, 4),
    "the US presidential election": (2000, 2016, 4),
    "the documenta exhibition in Kassel": (2002, 2017, 5),
    "the Ryder Cup": (2002, 2018, 2),
    "the World Athletics Championships": (2001, 2019, 2),
    "the Venice Biennale of Art": (2001, 2019, 2),
    "the International Conference on Computer Vision (ICCV)": (2001, 2019, 2),
    "the European Conference on Computer Vision (ECCV)": (2000, 2018, 2),
}
#: People by name, years of birth and death.
PEOPLE = {
    "Albert Einstein": (1879, 1955), "Marie Curie": (1867, 1934), "Charles Darwin": (1809, 1882),
    "Wolfgang Amadeus Mozart": (1756, 1791), "Ludwig van Beethoven": (1770, 1827), "Napoleon": (1769, 1821),
    "Abraham Lincoln": (1809, 1865), "Mahatma Gandhi": (1869, 1948), "Winston Churchill": (1874, 1965),
    "Isaac Newton": (1643, 1727), "Galileo Galilei": (1564, 1642), "Pablo Picasso": (1881, 1973),
    "Elvis Presley": (1935, 1977), "Marilyn Monroe": (1926, 1962), "John F. Kennedy": (1917, 1963),
    "Lu Xun": (1881, 1936), "Sun Yat-sen": (1866, 1925), "Charlie Chaplin": (1889, 1977),
    "Vincent van Gogh": (1853, 1890), "William Shakespeare": (1564, 1616), "Alan Turing": (1912, 1954),
    "Martin Luther King Jr.": (1929, 1968), "Queen Victoria": (1819, 1901), "John Lennon": (1940, 1980),
}  # fmt: skip
#: Dates that do not exist, each with one beside it that does.
DATES = (
    ("February 30", "February 28"), ("February 31", "January 31"), ("April 31", "April 30"), ("June 31", "June 30"),
    ("September 31", "September 30"), ("November 31", "November 30"), ("April 31", "May 31"), ("June 31", "July 31"),
    ("September 31", "October 31"), ("November 31", "December 31"), ("January 32", "January 31"),
    ("August 32", "August 31"),
)  # fmt: skip


def event_items(
    n: int, *, kinds: Collection[str] = KINDS, random_state: int | np.random.Generator | None = 0
) -> tuple[ProbeItem, ...]:
    """Matched questions on what was and what never was.

    Parameters
    ----------
    n : int
        Bases; there are 4 items in each.
    kinds : collection of {"event", "person", "date"}
        Dealt out in turn.
    random_state : int, Generator or None, default 0

    Returns
    -------
    tuple of 4 n ProbeItem
        Conditions ``premise`` (false, true) and ``put`` (asked, presupposed). The first answer rejects.
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown or not kinds:
        raise DataError(f"kinds holds {unknown or 'nothing'}; choose from {', '.join(KINDS)}.")
    rng = as_rng(random_state)
    make = {"event": _event, "person": _person, "date": _date}
    order = [kind for kind in KINDS if kind in kinds]
    items = []
    for base in range(n):
        questions = make[order[base % len(order)]](rng)
        for premise, put in product(("false", "true"), ("asked", "presupposed")):
            false = premise == "false"
            items.append(
                ProbeItem(base, {"premise": premise, "put": put}, questions[premise, put], 0 if false else 1,
                          "misleads" if false else "helps")
            )  # fmt: skip
    return tuple(items)


def read_events(items: Sequence[ProbeItem], margins: np.ndarray) -> Reading:
    """Whether false premises are told from true ones.

    Parameters
    ----------
    items : sequence of ProbeItem
        From :func:`event_items`.
    margins : (n,) array
        Log-probability of the answer that rejects less that of the one that does not.

    Returns
    -------
    Reading
        The common shares and the test are of presupposed premises; those asked outright follow, with Youden's index
        for both.
    """
    margins = checked(items, margins)
    figures, test = paired_reading(items, margins, "premise", "false", "true", put="presupposed")
    asked, _ = paired_reading(items, margins, "premise", "false", "true", put="asked")
    for name, found, put in (("", figures, "presupposed"), ("asked: ", asked, "asked")):
        found["moved right by the deciding word"] = moved_right(items, margins, "premise", "false", "true", put=put)
        youden = found["right, shortcut misleads"] + found["right, shortcut helps"] - 1
        figures |= {f"{name}{key}": value for key, value in found.items()} | {f"{name}Youden's index": youden}
    return Reading(figures, test)


def _event(rng: np.random.Generator) -> dict[tuple[str, str], Question]:
    name = list(EVENTS)[rng.integers(len(EVENTS))]
    first, last, step = EVENTS[name]
    held = int(rng.choice(np.arange(first, last + 1, step)))
    beside = held + (1 if held == 2000 or (held < 2019 and rng.random() < 0.5) else -1)
    made: dict[tuple[str, str], Question] = {}
    for premise, year in (("false", beside), ("true", held)):
        made |= _both_ways(
            premise, f"Did {name} take place in {year}?", f"Tell me about {name} of {year}.",
            f"{name[0].upper()}{name[1:]} of {year}", (" did not take place.", " took place as planned."),
        )  # fmt: skip
    return made


def _person(rng: np.random.Generator) -> dict[tuple[str, str], Question]:
    name = list(PEOPLE)[rng.integers(len(PEOPLE))]
    away = int(rng.integers(3, 11))
    made: dict[tuple[str, str], Question] = {}
    for premise, year in (("false", PEOPLE[name][1] + away), ("true", PEOPLE[name][1] - away)):
        made |= _both_ways(
            premise, f"Was {name} alive in {year}?", f"What did {name} do in {year}?", f"In {year}, {name}",
            (" was no longer alive.", " was hard at work."),
        )  # fmt: skip
    return made


def _date(rng: np.random.Generator) -> dict[tuple[str, str], Question]:
    year = int(rng.integers(2000, 2020))
    pair = DATES[rng.integers(len(DATES))]
    made: dict[tuple[str, str], Question] = {}
    for premise, day in zip(("false", "true"), pair, strict=True):
        made |= _both_ways(
            premise, f"Is {day}, {year} a date in the calendar?", f"What day of the week was {day}, {year}?",
            f"{day}, {year}", (" is not a date in the calendar.", " was an ordinary day of the week."),
        )  # fmt: skip
    return made


def _both_ways(
    premise: str, asked: str, presupposed: str, lead: str, answers: tuple[str, str]
) -> dict[tuple[str, str], Question]:
    return {
        (premise, "asked"): Question(f"{asked} Answer yes or no.", "Answer:", (" No", " Yes")),
        (premise, "presupposed"): Question(presupposed, lead, answers),
    }
