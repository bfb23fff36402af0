"""Matching: on a propensity score with a million rows, without replacement, and on ten covariates.

Run: OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/matching.py [--peers]

Every time is a whole fit, score model, ties and Abadie-Imbens standard error included. The peers (causalml's
``NearestNeighborMatch``, given the score) return matched rows only, without estimate, ties or error. `floor` is the
plain numpy answer to the easiest question: sort, take the nearest donor, average. Processor seconds stand beside wall
seconds because the machine may be shared.
"""

import argparse
import time

import numpy as np
from timing import interleaved, peak_memory, write

import yinguo as yg

LIMITS = {"score_1e6": 3.0, "covariates_1e5": 10.0}


def confounded(n: int, p: int) -> yg.Study:
    """Normal covariates, a quarter treated, effect 1."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p))
    T = (rng.random(n) < 1 / (1 + np.exp(1.2 - 0.5 * X[:, 0] + 0.3 * X[:, 1]))).astype(float)
    return yg.Study.from_arrays(X, T, X[:, 0] + T + rng.normal(size=n))


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    record: dict = {"task": "matching, whole fits with standard errors", "limits_seconds": LIMITS}

    study = confounded(1_000_000, 20)
    before = peak_memory()
    yg.PropensityMatching(estimand="ATE").fit(study)
    record["score_1e6"] = {"peak_memory_over_input": 1 + (peak_memory() - before) / study.X.nbytes}
    record["score_1e6"]["seconds"] = interleaved(
        {
            "ATT": lambda: yg.PropensityMatching().fit(study),
            "ATE": lambda: yg.PropensityMatching(estimand="ATE").fit(study),
        }
    )

    record["score_1e6"]["processor_seconds"] = {
        estimand: _processor(lambda estimand=estimand: yg.PropensityMatching(estimand=estimand).fit(study))
        for estimand in ("ATT", "ATE")
    }

    study = confounded(100_000, 20)
    e = yg.PropensityMatching().fit(study).result_.propensity
    tasks = {
        "floor": lambda: _floor(e, study),
        "with_replacement": lambda: yg.PropensityMatching().fit(study),
        "without_replacement": lambda: yg.PropensityMatching(replacement=False).fit(study),
    }
    record["score_1e5"] = {"seconds": interleaved(tasks)}
    if options.peers:
        record["score_1e5"]["seconds"] |= interleaved(
            {
                "causalml_with_replacement": lambda: _causalml(e, study, True),
                "causalml_without_replacement": lambda: _causalml(e, study, False),
            },
            repeats=1,
        )

    study = confounded(100_000, 10)
    record["covariates_1e5"] = {
        "treated": study.n_treated,
        "seconds": interleaved({"ATT": lambda: yg.NearestNeighborMatching().fit(study)}, repeats=2)
        | interleaved({"ATE": lambda: yg.NearestNeighborMatching(estimand="ATE").fit(study)}, repeats=1),
        "processor_seconds": {"ATT": _processor(lambda: yg.NearestNeighborMatching().fit(study))},
    }
    write("matching", record)


def _processor(task) -> float:
    begin = time.process_time()
    task()
    return time.process_time() - begin


def _floor(e, study) -> float:
    treated, control = np.flatnonzero(study.T == 1), np.flatnonzero(study.T == 0)
    order = control[np.argsort(e[control])]
    v, x = e[order], e[treated]
    right = np.clip(np.searchsorted(v, x), 1, v.size - 1)
    nearest = np.where(x - v[right - 1] <= v[right] - x, right - 1, right)
    return float((study.Y[treated] - study.Y[order[nearest]]).mean())


def _causalml(e, study, replace: bool) -> object:
    import pandas
    from causalml.match import NearestNeighborMatch

    frame = pandas.DataFrame({"e": e, "t": study.T, "y": study.Y})
    return NearestNeighborMatch(replace=replace, ratio=1, shuffle=False, random_state=0).match(frame, "t", ["e"])


if __name__ == "__main__":
    main()
