"""Jobs: what the policy risk of TARNet and CFR owes to how their options are chosen.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 YINGUO_DATA=... python benchmarks/jobs_choice.py [--sets 8]

Sets of options are drawn from the grid that the authors searched (widths 20 to 200, one to three layers, batches of 100
to 700, strengths 10^-5 to 10^3). Each is fitted to the ten official splits: three tenths of the rows of the study are
set aside, as the authors do, and the network holds a share of the others back for its stopping step. The rules of
choice see the rows set aside and nothing of the test rows:

* ``loss``: mean cross-entropy of the outcomes seen; knows nothing of who was randomised;
* ``risk``: policy risk among the randomised rows set aside, the authors' rule.

Each rule chooses one set for all splits, by its mean, or one for each split. Beside them stand the mean of all sets,
the class's defaults, treating everybody, and, out of reach, the set that is best on the test rows. Fits are kept in
``jobs-choice.partial.jsonl`` as they end, and those that are there are not made again.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import yinguo as yg
from yinguo.bench.effect_errors import policy_risk
from yinguo.datasets.jobs import jobs

SPLITS, ASIDE, SEED = 10, 0.3, 2017
RESULTS = Path(__file__).parent / "results"
KEPT, RECORD = RESULTS / "jobs-choice.partial.jsonl", RESULTS / "jobs-choice.json"
DEFAULTS = "defaults"


def drawn_sets(count: int) -> dict[str, dict[str, Any]]:
    """So many sets of options of the authors' grid, the same whatever the count, and the defaults."""
    rng = np.random.default_rng(SEED)
    found: dict[str, dict[str, Any]] = {DEFAULTS: {}}
    for number in range(count):
        width, head = (int(rng.choice([20, 50, 100, 200])) for _ in range(2))
        found[str(number)] = {
            "representation": [width] * int(rng.integers(1, 4)),
            "heads": [head] * int(rng.integers(1, 4)),
            "batch_size": int(rng.choice([100, 200, 500, 700])),
            "balance_strength": float(10 ** (rng.integers(-10, 7) / 2)),
        }
    return found


def risk(effects: np.ndarray, study: yg.Study, randomised: np.ndarray) -> float:
    """Policy risk among the randomised rows of a study."""
    return policy_risk(effects, T=study.T, Y=study.Y, randomised=randomised)


def fit(task: tuple[str, str, int, Mapping[str, Any]]) -> dict[str, Any]:
    """One set of options on one split."""
    method, label, split, options = task
    drawn = jobs(replication=split)
    rng = np.random.default_rng([SEED, split])
    aside = rng.permutation(drawn.study.n) < ASIDE * drawn.study.n
    kept, held = drawn.study.take(~aside), drawn.study.take(aside)
    chosen = {k: v for k, v in options.items() if k != "balance_strength" or method == "CFR"}
    learner = getattr(yg, method)(folds=None, random_state=split, **chosen).fit(kept)
    arms = np.stack(learner.curves_(held.X))
    seen = np.where(held.T == 1, arms[1], arms[0]).clip(1e-6, 1 - 1e-6)
    test = drawn.extras["test"]
    return {
        "method": method, "set": label, "split": split,
        "loss": float(-np.mean(held.Y * np.log(seen) + (1 - held.Y) * np.log(1 - seen))),
        "risk": risk(arms[1] - arms[0], held, drawn.extras["randomised"][aside]),
        "test": policy_risk(
            learner.effect(test.X), T=test.T, Y=test.Y, randomised=drawn.extras["test_randomised"],
        ),
    }  # fmt: skip


def everybody(split: int) -> float:
    """Policy risk, on the test rows, of treating everybody."""
    drawn = jobs(replication=split)
    test = drawn.extras["test"]
    return policy_risk(np.ones(len(test.T)), T=test.T, Y=test.Y, randomised=drawn.extras["test_randomised"])


def tables(fits: list[dict[str, Any]], labels: list[str]) -> dict[str, dict[str, np.ndarray]]:
    """By method: (sets, splits) arrays of the two criteria and of the policy risk on the test rows."""
    found = {}
    for method in ("TARNet", "CFR"):
        of = {(row["set"], row["split"]): row for row in fits if row["method"] == method}
        found[method] = {
            name: np.array([[of[label, split][name] for split in range(SPLITS)] for label in labels])
            for name in ("loss", "risk", "test")
        }
    return found


def choices(of: dict[str, np.ndarray], labels: list[str], base: np.ndarray) -> Iterator[tuple[str, dict[str, Any]]]:
    """Mean policy risk on the test rows, its standard error, and less treating everybody, by rule of choice."""

    def summed(test: np.ndarray, **more: Any) -> dict[str, Any]:
        ahead = test - base
        errors = [float(x.std(ddof=1) / np.sqrt(SPLITS)) for x in (test, ahead)]
        return {"risk": test.mean(), "se": errors[0], "less everybody": ahead.mean(), "its se": errors[1]} | more

    test = of["test"]
    yield "defaults", summed(test[0])
    yield "mean of all sets", summed(test[1:].mean(0))
    for rule in ("loss", "risk"):
        best = int(np.argmin(of[rule][1:].mean(1))) + 1
        yield f"{rule}, one set", summed(test[best], set=labels[best])
        each = np.argmin(of[rule][1:], axis=0) + 1
        yield f"{rule}, each split", summed(test[each, np.arange(SPLITS)])
    best = int(np.argmin(test[1:].mean(1))) + 1
    yield "best on the test rows, out of reach", summed(test[best], set=labels[best])
    yield "treating everybody", summed(base)


def main() -> None:
    """Fit what is missing, choose, and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    options = drawn_sets(asked.sets)
    fits = [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []
    done = {(row["method"], row["set"], row["split"]) for row in fits}
    tasks = [
        (method, label, split, chosen)
        for label, chosen in options.items()
        for split in range(SPLITS)
        for method in ("TARNet", "CFR")
        if (method, label, split) not in done
    ]
    with ProcessPoolExecutor(asked.processes) as pool, KEPT.open("a") as file:
        for row in pool.map(fit, tasks):
            file.write(json.dumps(row) + "\n")
            file.flush()
            fits.append(row)
    labels, base = list(options), np.array([everybody(split) for split in range(SPLITS)])
    found = {method: dict(choices(of, labels, base)) for method, of in tables(fits, labels).items()}
    record = {"sets": {k: v for k, v in options.items() if k != DEFAULTS}, "policy risk out": found}
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    for method, rows in found.items():
        for rule, row in rows.items():
            print(f"{method:7}{rule:38}", {k: v if isinstance(v, str) else round(v, 3) for k, v in row.items()})


if __name__ == "__main__":
    main()
