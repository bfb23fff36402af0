"""DR-learner with boosted trees, n = 50,000, p = 20, 5 folds, against econml and DoubleML with the same learners.

Run: OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/dr_learner.py [--peers] [--repeats N]

Everybody starts from the same arrays and ends with the effects of all rows, from scikit-learn's histogram boosting with
the same options: a classifier for the propensity and regressors for outcome and effect, on one core. Accuracy is the
root mean squared error of the effects (root PEHE). econml has one outcome model with the treatment as a column, fitted
to all rows of the other folds, where we have one for each arm; DoubleML has ours, and ends at the scores, which the
script regresses on the covariates for it. As the packages are not equally accurate with the same learners, everybody
runs with 20, 30, 50 and 100 boosting steps, and each run of a peer is compared with the cheapest of ours that is at
least as accurate. DoubleML draws its own folds.

``yinguo_two_processes`` shares the fits on folds between two processes of one thread each, which are there when the
clock starts; the last regression, which needs all scores, stays in this one. Its gain is given on the wall and, for
machines with other things to do, in processor time: this process and half of what the two others used, or all of what
the busier of them used.
"""

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from timing import write

OPTIONS = {"early_stopping": False, "random_state": 0}
STEPS = (20, 30, 50, 100)
FOLDS, CLIP = 5, 0.01


def data(n: int, p: int = 20, seed: int = 0):
    """Confounded, curved outcome, effect 1 + x1 + (x2 > 0)."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    T = (rng.random(n) < 1 / (1 + np.exp(-(0.7 * X[:, 0] - 0.5 * X[:, 2])))).astype(float)
    tau = 1 + X[:, 0] + (X[:, 1] > 0)
    Y = np.sin(2 * X[:, 0]) + X[:, 2] * X[:, 3] + np.abs(X[:, 4]) + tau * T + rng.normal(size=n)
    return X, T, Y, tau


def learners(steps: int):
    """The classifier of the treatment, and the regressor of outcome and effect."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    more = {"max_iter": steps} | OPTIONS
    return HistGradientBoostingClassifier(**more), HistGradientBoostingRegressor(**more)


def ours(X, T, Y, steps: int, n_jobs: int = 1):
    """Effects of all rows, and the average with its error."""
    import yinguo as yg

    chances, trees = learners(steps)
    learner = yg.DRLearner(
        outcome_model=trees, effect_model=trees, propensity=chances, folds=FOLDS, clip=CLIP, n_jobs=n_jobs
    )
    return learner.fit(yg.Study.from_arrays(X, T, Y)).effects_


def with_econml(X, T, Y, steps: int):
    """The same by econml's DRLearner."""
    from econml.dr import DRLearner

    chances, trees = learners(steps)
    learner = DRLearner(
        model_propensity=chances, model_regression=trees, model_final=trees, cv=FOLDS, min_propensity=CLIP,
        random_state=0,
    )  # fmt: skip
    return learner.fit(Y, T, X=X).effect(X)


def with_doubleml(X, T, Y, steps: int):
    """The same by DoubleML's interactive regression model and a regression of its scores."""
    import doubleml as dml

    chances, trees = learners(steps)
    model = dml.DoubleMLIRM(dml.DoubleMLData.from_arrays(X, Y, T), trees, chances, n_folds=FOLDS)
    model.fit()
    return trees.fit(X, model.psi_elements["psi_b"].reshape(len(Y))).predict(X)


def processor_time() -> dict[str, float]:
    """Seconds of processor time so far, of this process and each of its children (Linux)."""
    tick = os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    used = {"this": time.process_time()}
    for pid in children:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        used[pid] = (int(fields[11]) + int(fields[12])) / tick
    return used


@dataclass
class Cost:
    """Best of several runs: seconds on the wall, processor time of this process and its children; error of effects."""

    seconds: float = np.inf
    processor: float = np.inf
    shared: float = 0.0
    busiest: float = 0.0
    root_pehe: float = np.nan

    def run(self, task, tau) -> None:
        """Once more."""
        before, start = processor_time(), time.perf_counter()
        effects = task()
        self.seconds = min(self.seconds, time.perf_counter() - start)
        spent = {who: after - before.get(who, 0.0) for who, after in processor_time().items()}
        here, others = spent.pop("this"), list(spent.values())
        if here + sum(others) < self.processor + self.shared:
            self.processor, self.shared, self.busiest = here, sum(others), max(others, default=0.0)
        self.root_pehe = float(np.sqrt(np.mean((effects - tau) ** 2)))


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    X, T, Y, tau = data(options.rows)
    packages = {"yinguo": ours} | ({"econml": with_econml, "doubleml": with_doubleml} if options.peers else {})
    tasks = {
        (name, steps): (lambda f=f, steps=steps: f(X, T, Y, steps)) for name, f in packages.items() for steps in STEPS
    }
    two = ("yinguo_two_processes", STEPS[-1])
    tasks[two] = lambda: ours(X, T, Y, STEPS[-1], n_jobs=2)
    costs = {key: Cost() for key in tasks}
    threadpool_limits(limits=1)
    for _ in range(options.repeats):  # in turn, so that ratios hold when the machine's speed drifts
        for key, task in tasks.items():
            if key == two:
                ours(X[:500], T[:500], Y[:500], 2, n_jobs=2)  # idle processes end; these are there, and have imported
            costs[key].run(task, tau)
    full = costs["yinguo", STEPS[-1]]
    record = {
        "task": f"DR-learner, {FOLDS} folds, histogram boosting, n={options.rows}, p=20, effects of all rows",
        "root_pehe_of_the_best_constant": float(tau.std()),
        "runs": [{"who": name, "steps": steps, **vars(cost)} for (name, steps), cost in costs.items()],
        "two_processes": {
            "times_faster": full.seconds / costs[two].seconds,
            "times_faster_if_shared_evenly": full.processor / (costs[two].processor + costs[two].shared / 2),
            "times_faster_by_the_busiest": full.processor / (costs[two].processor + costs[two].busiest),
        },
        "load_average": os.getloadavg()[0],
    }
    for name in packages:
        if name != "yinguo":
            record[f"against_{name}"] = [compared(costs, name, steps) for steps in STEPS]
    write("dr-learner", record)


def compared(costs, name: str, steps: int) -> dict[str, float]:
    """A run of a peer against ours with as many steps, and against the cheapest of ours that is as accurate."""
    theirs, same = costs[name, steps], costs["yinguo", steps]
    record = {
        "steps": steps,
        "error_over_theirs_at_the_same_steps": same.root_pehe / theirs.root_pehe,
        "times_faster_at_the_same_steps": theirs.seconds / same.seconds,
        "processor_times_faster_at_the_same_steps": theirs.processor / same.processor,
    }
    enough = [s for s in STEPS if costs["yinguo", s].root_pehe <= theirs.root_pehe]
    if enough:
        cheapest = min(enough, key=lambda s: costs["yinguo", s].processor)
        own = costs["yinguo", cheapest]
        record |= {
            "our_steps_for_their_accuracy": cheapest,
            "times_faster_at_their_accuracy": theirs.seconds / own.seconds,
            "processor_times_faster_at_their_accuracy": theirs.processor / own.processor,
        }
    return record


if __name__ == "__main__":
    main()
