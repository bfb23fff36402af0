"""IHDP: what one test child does to the mean error of networks, and what the penalty on the heads has to do with it.

Run: OMP_NUM_THREADS=1 python benchmarks/ihdp_child.py

The fits of replication 8 (counted from 0) are those of the table `ihdp`, made again from its seeds; the means are over
its kept rows, with and without the test child whose effect is furthest below. The second part fits TARNet with the
default penalty and with a hundredth of it in four replications whose effects differ most, and gives the smallest
held-out error, without the penalty, and the root PEHE of the test rows.
"""

import json

import numpy as np

import yinguo as yg
from yinguo.bench import table
from yinguo.bench.runner import kept_rows, plan
from yinguo.bench.task import _draw, _seed, _seeded
from yinguo.datasets import ihdp

REPLICATION, CELL, WIDE = 8, "published 50", (33, 12, 8, 25)


def without_the_child(label: str) -> dict[str, float]:
    """Root PEHE of the replication, and its mean over the table, with and without the child."""
    ihdp_table = table("ihdp")
    tasks = plan(ihdp_table, methods=[label], cells=[CELL])
    rows = kept_rows(ihdp_table, tasks)
    errors = {task.replication: rows[task.key].measures["root PEHE out"] for task in tasks if task.key in rows}
    task = next(task for task in tasks if task.replication == REPLICATION)
    drawn = _draw(task.draw, json.dumps(dict(task.cell.settings)), _seed(task))
    test = drawn.extras["test"]
    missed = _seeded(task).fit(drawn.study).effect(test.X) - (test.mu1 - test.mu0)
    child = int(np.argmin(test.mu1 - test.mu0))
    rest = float(np.sqrt(np.mean(np.delete(missed, child) ** 2)))
    others = [error for replication, error in errors.items() if replication != REPLICATION]
    return {
        "test row": child,
        "missed by": float(missed[child]),
        "root PEHE": float(np.sqrt(np.mean(missed**2))),
        "root PEHE without": rest,
        "replications": len(errors),
        "mean": float(np.mean(list(errors.values()))),
        "mean without": float(np.mean([*others, rest])),
    }


def penalties(replication: int) -> dict[str, list[float]]:
    """Held-out error and root PEHE by penalty on the heads."""
    drawn = ihdp(source="shalit", replication=replication)
    test = drawn.extras["test"]
    found = {}
    for penalty in (1e-4, 1e-6):
        learner = yg.TARNet(folds=None, random_state=1, head_penalty=penalty).fit(drawn.study)
        looked = min(e.validation for e in learner.history_.epochs if e.validation is not None)
        held_out = looked - learner.curves_.network.penalty().item()
        pehe = np.sqrt(np.mean((learner.effect(test.X) - (test.mu1 - test.mu0)) ** 2))
        found[str(penalty)] = [held_out, float(pehe)]
    return found


if __name__ == "__main__":
    for label in ("TARNet", "CFR-WASS"):
        print(label, json.dumps(without_the_child(label)))
    for replication in WIDE:
        print(f"replication {replication}: held-out error, root PEHE by penalty", json.dumps(penalties(replication)))
