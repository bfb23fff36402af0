"""Is 2.11 more than 2.9? As a number no, as a version yes.

Each base is a pair a.d and a.bc with b < d, so that as a number the short one is larger and as a version, where the
part behind the point counts as a whole number, the long one is. Its counterfactual writes a zero at the end of the
short one: the same number, and now both rules agree. Every pair is asked as numbers and as versions, in both orders.

In the conflict the right number is the shorter text and the right version the longer one, so a model that likes short
answers gains in one what it loses in the other; with the zero both texts are of one length.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np

from yinguo.core.random import as_rng
from yinguo.language.probes.items import ProbeItem, Question, Reading, checked, moved_right, paired_reading, pairs

__all__ = ["decimal_items", "read_decimals"]

_ASKED = {
    "number": ("Which number is larger, {first} or {second}?", "The larger number is"),
    "version": ("Which release of the program is newer, version {first} or version {second}?",
                "The newer release is version"),
}  # fmt: skip


def decimal_items(n: int, *, random_state: int | np.random.Generator | None = 0) -> tuple[ProbeItem, ...]:
    """Pairs to be compared, in eight forms each.

    Parameters
    ----------
    n : int
        Bases; there are 8 items in each.
    random_state : int, Generator or None, default 0

    Returns
    -------
    tuple of 8 n ProbeItem
        Conditions ``framing`` (number, version), ``written`` (short, zero) and ``order`` (short first, long first). The
        first answer is a.d, with its zero where it has one; the shortcut is the rule of the other framing.
    """
    rng = as_rng(random_state)
    items = []
    for base in range(n):
        whole, tenths = int(rng.integers(1, 20)), int(rng.integers(2, 10))
        longer = f"{whole}.{int(rng.integers(1, tenths))}{int(rng.integers(1, 10))}"
        for framing, written, order in product(_ASKED, ("short", "zero"), ("short first", "long first")):
            shorter = f"{whole}.{tenths}" + ("0" if written == "zero" else "")
            first, second = (shorter, longer) if order == "short first" else (longer, shorter)
            prompt, lead = _ASKED[framing]
            conflict = written == "short"
            items.append(
                ProbeItem(
                    base,
                    {"framing": framing, "written": written, "order": order},
                    Question(prompt.format(first=first, second=second), lead, (f" {shorter}.", f" {longer}.")),
                    1 if conflict and framing == "version" else 0,
                    "misleads" if conflict else "helps",
                )
            )
    return tuple(items)


def read_decimals(items: Sequence[ProbeItem], margins: np.ndarray) -> Reading:
    """Which rule a model goes by, and whether it knows when.

    Parameters
    ----------
    items : sequence of ProbeItem
        From :func:`decimal_items`.
    margins : (n,) array
        Log-probability of the answer a.d less that of a.bc.

    Returns
    -------
    Reading
        The common shares and the test are of numbers; those of versions follow, with the share of conflicts answered
        rightly in both framings, and the share answered alike in both orders.
    """
    margins = checked(items, margins)
    figures, test = paired_reading(items, margins, "written", "short", "zero", framing="number")
    versions, _ = paired_reading(items, margins, "written", "short", "zero", framing="version")
    figures["moved right by the deciding word"] = moved_right(
        items, margins, "framing", "number", "version", written="short"
    )
    figures |= {f"versions: {name}": value for name, value in versions.items()}
    framed = pairs(items, "framing", "number", "version", written="short")
    ordered = pairs(items, "order", "short first", "long first")
    figures |= {
        "conflicts right in both framings": float(((margins[framed[:, 0]] > 0) & (margins[framed[:, 1]] < 0)).mean()),
        "same answer in both orders": float(((margins[ordered] > 0).sum(axis=1) != 1).mean()),
    }
    return Reading(figures, test)
