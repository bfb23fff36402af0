"""The leaves of a small tree in words that a person can act on."""

from collections.abc import Sequence

import numpy as np

from yinguo.kernels.small_trees import SmallTree

__all__ = ["describe_leaves"]


def describe_leaves(tree: SmallTree, names: Sequence[str], X) -> tuple[str, ...]:
    """One phrase for every leaf, such as ``"recency <= 6 and womens = 1"``.

    Indicators are told by their two values, those of a text column (``channel=Web``) by the text.

    Parameters
    ----------
    tree : SmallTree
    names : p names
    X : (n, p) float array
        Rows to see which columns are indicators.
    """
    said: dict[int, bool] = {}

    def indicator(j: int) -> bool:
        if j not in said:
            said[j] = bool(np.isin(X[:, j], (0.0, 1.0)).all())
        return said[j]

    out = []
    for path in tree.paths():
        low: dict[int, float] = {}
        high: dict[int, float] = {}
        for j, at_most, value in path:
            if at_most:
                high[j] = min(high.get(j, np.inf), value)
            else:
                low[j] = max(low.get(j, -np.inf), value)
        columns = sorted({j for j, _, _ in path})  # the order of the table, whichever split came first
        phrases = [_phrase(names[j], low.get(j), high.get(j), indicator(j)) for j in columns]
        out.append(" and ".join(phrases) if phrases else "everybody")
    return tuple(out)


def _phrase(name: str, low: float | None, high: float | None, indicator: bool) -> str:
    if indicator:
        column, _, text = name.partition("=")
        if text:
            return f"{column} is {text}" if high is None else f"{column} is not {text}"
        return f"{name} = {1 if high is None else 0}"
    if low is None:
        return f"{name} <= {high:.12g}"
    if high is None:
        return f"{name} > {low:.12g}"
    return f"{low:.12g} < {name} <= {high:.12g}"
