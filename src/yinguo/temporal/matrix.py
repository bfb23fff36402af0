"""The causal-regression matrix: who moves whom within a step, for every ordered pair of variables.

For each variable as outcome one fit gives the direct effects of all others, for each ordered pair one gives the total
effect; both use the previous step as instruments (:class:`yinguo.CausalRegression`).

Source: as :mod:`yinguo.temporal.causal_regression`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core import inference
from yinguo.core.diagnostic import Diagnostic
from yinguo.core.study import Study
from yinguo.core.table import open_table
from yinguo.core.words import number
from yinguo.errors import DataError
from yinguo.temporal.causal_regression import CausalRegression

__all__ = ["CausalMatrix", "Edge", "causal_matrix"]


@dataclass(frozen=True, slots=True)
class Edge:
    """A direct effect that chance does not explain.

    Attributes
    ----------
    cause, effect : str
    size, se, p_value : float
        The p-value as it is, before the correction for the number of pairs.
    """

    cause: str
    effect: str
    size: float
    se: float
    p_value: float

    def __str__(self) -> str:
        return f"{self.cause} -> {self.effect}: {number(self.size)} (se {number(self.se)})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CausalMatrix:
    """Direct and total effects of all variables on one another within a step.

    In every matrix the row is the outcome and the column the cause; diagonals are 0, those of p-values 1.

    Attributes
    ----------
    variables : tuple of str
    direct, direct_se, total, total_se : (k, k) float arrays
        In units of the outcome per unit of the cause.
    n : int
        Rows with a past.
    strength : (k,) float array
        How well the previous step tells the causes of each outcome apart: Kleibergen-Paap F of its equation.
    first_stage : (k, k) float array
        Effective F of the total effect's first stage.
    memory_p : (k,) float array
        p-values of the memory check of each outcome's equation.
    diagnostics : mapping of variable to tuple of Diagnostic
        Of the equation with that variable as outcome.
    """

    variables: tuple[str, ...]
    direct: np.ndarray
    direct_se: np.ndarray
    total: np.ndarray
    total_se: np.ndarray
    n: int
    strength: np.ndarray
    first_stage: np.ndarray
    memory_p: np.ndarray
    diagnostics: dict[str, tuple[Diagnostic, ...]]

    def p_values(self, kind: str = "direct") -> np.ndarray:
        """(k, k) p-values of no effect, 1 on the diagonal.

        Parameters
        ----------
        kind : {"direct", "total"}
        """
        size, error = self._of(kind)
        p = np.ones(size.shape)
        for i, j in np.argwhere(~np.eye(len(size), dtype=bool)):
            p[i, j] = inference.p_value(size[i, j], error[i, j])
        return p

    def edges(self, level: float = 0.05) -> tuple[Edge, ...]:
        """Direct effects that stand after Holm's correction for the number of pairs, largest evidence first.

        Parameters
        ----------
        level : float
            Chance of naming any edge that is not there, if the assumptions hold.

        Source
        ------
        Holm (1979), Scandinavian Journal of Statistics 6(2).
        """
        p = self.p_values()
        pairs = [(int(i), int(j)) for i, j in np.argwhere(~np.eye(len(p), dtype=bool))]
        pairs.sort(key=lambda pair: -abs(self.direct[pair] / self.direct_se[pair]))  # p-values of 0 are no order
        found = []
        for rank, (i, j) in enumerate(pairs):
            if p[i, j] > level / (len(pairs) - rank):
                break
            numbers = (float(values[i, j]) for values in (self.direct, self.direct_se, p))
            found.append(Edge(self.variables[j], self.variables[i], *numbers))
        return tuple(found)

    def between(self, first: str, second: str, level: float = 0.05) -> str:
        """What the total effects say of two variables, in words.

        Parameters
        ----------
        first, second : str
        level : float
        """
        a, b = self._at(first), self._at(second)
        p = self.p_values("total")
        forward, backward = p[b, a] < level, p[a, b] < level
        if forward and backward:
            return f"{first} and {second} each move the other: feedback within the step, or an assumption fails."
        if forward or backward:
            cause, effect = (a, b) if forward else (b, a)
            size = number(float(self.total[effect, cause]))
            return (
                f"{self.variables[cause]} moves {self.variables[effect]} by {size} for each unit, and not the reverse."
            )
        return (
            f"Neither of {first} and {second} is seen to move the other: what they share is confounding or selection."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "variables": list(self.variables), "n": self.n,
            "direct": self.direct.tolist(), "direct_se": self.direct_se.tolist(),
            "total": self.total.tolist(), "total_se": self.total_se.tolist(),
            "strength": self.strength.tolist(), "first_stage": self.first_stage.tolist(),
            "memory_p": self.memory_p.tolist(), "edges": [str(edge) for edge in self.edges()],
            "diagnostics": {name: [d.to_dict() for d in found] for name, found in self.diagnostics.items()},
        }  # fmt: skip

    def __str__(self) -> str:
        bad = [
            f"  {d.verdict} ({name} as outcome): {d.sentence}"
            for name, found in self.diagnostics.items() for d in found if d.verdict != "ok"
        ]  # fmt: skip
        edges = [f"  {edge}" for edge in self.edges()] or ["  none"]
        head = f"Causal regression of {', '.join(self.variables)} on {self.n:,} rows with a past"
        return "\n".join([head, *bad, "Direct effects within a step:", *edges])

    def _of(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        if kind not in ("direct", "total"):
            raise DataError(f"kind is {kind!r}; it must be 'direct' or 'total'.")
        return (self.direct, self.direct_se) if kind == "direct" else (self.total, self.total_se)

    def _at(self, name: str) -> int:
        if name not in self.variables:
            raise DataError(f"{name!r} is not among the variables ({', '.join(self.variables)}).")
        return self.variables.index(name)


def causal_matrix(
    data: Any, *, time: str, variables: Sequence[str] | None = None, series: str | None = None, lags: int = 1
) -> CausalMatrix:
    """Effects of all variables on one another within a step, without a known graph.

    Parameters
    ----------
    data : path, mapping or frame
        As for :class:`yinguo.Study`.
    time : str
        Column with the step.
    variables : sequence of str, optional
        None means every other column.
    series : str, optional
        Column that tells series apart.
    lags : int
        Earlier steps used.

    Returns
    -------
    CausalMatrix

    Raises
    ------
    DataError
        Fewer than two variables; what :class:`yinguo.CausalRegression` refuses.

    Examples
    --------
    >>> import yinguo as yg
    >>> draw = yg.datasets.causal_regression_design(structure="chain", steps=3000)
    >>> found = yg.causal_matrix(draw.table(), time="step", variables=["t", "y", "c"])
    >>> sorted((edge.cause, edge.effect) for edge in found.edges())
    [('c', 'y'), ('t', 'c')]
    """
    table = open_table(data)
    special = (time, *(() if series is None else (series,)))
    names = tuple(name for name in table.names if name not in special) if variables is None else tuple(variables)
    k = len(names)
    if k < 2 or len(set(names)) < k:
        raise DataError(f"variables are {', '.join(names) or 'none'}; name at least two, each once.")
    direct, direct_se, total, total_se, first = (np.zeros((k, k)) for _ in range(5))
    strength, memory, told, n = np.zeros(k), np.full(k, np.nan), {}, 0
    for i, outcome in enumerate(names):
        for at, cause in enumerate(name for name in names if name != outcome):
            j = names.index(cause)
            others = [name for name in names if name not in (outcome, cause)]
            study = Study(table, treatment=cause, outcome=outcome, covariates=others, time=time, groups=series)
            whole = CausalRegression(lags=lags).fit(study).result_
            total[i, j], total_se[i, j] = whole.estimate, whole.se
            first[i, j] = whole.diagnostics[0].value
            if at > 0:
                continue
            fit = CausalRegression(effect="direct", lags=lags).fit(study)
            for name in (cause, *others):
                direct[i, names.index(name)] = fit.__dict__["coefficients_"][name]
                direct_se[i, names.index(name)] = fit.__dict__["standard_errors_"][name]
            told[outcome], n = fit.result_.diagnostics, fit.result_.n
            strength[i] = told[outcome][0].value
            memory[i] = np.nan if told[outcome][1].value is None else told[outcome][1].value
    return CausalMatrix(
        variables=names, direct=direct, direct_se=direct_se, total=total, total_se=total_se, n=n, strength=strength,
        first_stage=first, memory_p=memory, diagnostics=told,
    )  # fmt: skip
