"""What Stata's ``ivregress`` says: of rents in 50 states (written down here), and of simulated rows (in linearmodels).

Run, with linearmodels installed: python tests/instruments/stata_ivregress.py
Writes tests/reference/two_stage_least_squares/stata_housing.json from the files that linearmodels 7.1 ships for its own
tests: Stata 13, ``ivregress METHOD rent pcturban (hsngval = faminc i.region)``, data www.stata-press.com/data/r13/hsng.
"""

import csv
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).parent.parent / "reference" / "two_stage_least_squares" / "stata_housing.json"


def shipped(name: str) -> Path:
    """A file of linearmodels' own tests; FileNotFoundError without linearmodels."""
    spec = importlib.util.find_spec("linearmodels")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("linearmodels is not installed")
    return Path(spec.origin).parent / "tests" / "iv" / "results" / name


def blocks(path: Path) -> Iterator[tuple[str, dict]]:
    """Specification and figures of each block: coefficients, t statistics, further figures, covariance."""
    title, lines = "", []
    for line in [*path.read_text().splitlines(), "### !end!"]:
        if line.startswith("###"):
            if title:
                yield title, figures(lines)
            title, lines = line.split("!")[1], []
        elif line.strip():
            lines.append(line.split())
    return


def figures(lines: list[list[str]]) -> dict:
    """One block; a coefficient is a name and a number, followed by its t statistic alone."""
    top = next(i for i, line in enumerate(lines) if line[0].startswith("***"))
    out: dict = {"b": {}, "t": {}, "V": {}, "more": {}}
    for line, after in zip(lines[:top], [*lines[1:top], ["", ""]], strict=True):
        if len(line) == 2:
            has_t = len(after) == 1 and after[0].lstrip("-").replace(".", "").isdigit()
            out["b" if has_t else "more"][line[0]] = float(line[1])
            if has_t:
                out["t"][line[0]] = float(after[0])
    names = lines[top + 2]
    for line in lines[top + 3 :]:
        if line[0].startswith("***"):
            break
        out["V"][line[0]] = dict(zip(names, map(float, line[1:]), strict=True))
    return out


def vectors(found: dict, names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, t statistics and covariance in the order of the names."""
    b, t = (np.array([found[kind][name] for name in names]) for kind in ("b", "t"))
    return b, t, np.array([[found["V"][i][j] for j in names] for i in names])


def main() -> None:
    """Write the rows and figures of the housing data."""
    with shipped("housing.csv").open() as file:
        rows = list(csv.DictReader(file))
    wanted = ("rent", "pcturban", "hsngval", "faminc")
    record = {
        "origin": "Stata 13 ivregress, from linearmodels/tests/iv/results of linearmodels 7.1",
        "rows": {name: [float(row[name]) for row in rows] for name in wanted}
        | {name: [row[name] for row in rows] for name in ("region", "division")},
        "results": dict(blocks(shipped("stata-iv-housing-results.txt"))),
    }
    REFERENCE.write_text(json.dumps(record, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
