"""KernelIV: against mliv at equal answers, at ten thousand rows exactly, at a hundred thousand with Nystroem.

Run: OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/kernel_iv.py [--mliv PYTHON] [--limit SECONDS]

PYTHON is an interpreter in which ``mliv`` 0.0.2 and what it needs are installed; it runs with the same number of
threads. Both get the same rows of the demand design (experiment 0 of mliv), the same split and the same options, and
predict at the same 2,800 points. At ten thousand rows mliv keeps 50 matrices of 5,000 x 5,000 (10 GB); it is stopped
after SECONDS of processor time. Processor seconds are what is compared, because the machine may be shared.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import interleaved, write

import yinguo as yg
from yinguo.datasets.demand import demand, demand_seeds

#: Options under which the method is mliv's.
PROGRAMME = {"bandwidth": "joint", "centre_outcome": False}
LIMITS = {"times_faster_at_5000": 10.0, "exact_seconds_at_10000": 60.0, "nystrom_seconds_at_100000": 60.0}
LIMITS["nystrom_error_over_exact"] = 1.1

#: What the other interpreter runs: its own fit, timed without imports, and its predictions.
THEIRS = """
import resource, sys, time
import numpy as np
resource.setrlimit(resource.RLIMIT_CPU, 2 * (int(sys.argv[3]),))
from mliv.inference.sieve.kerneliv_v1 import KernelIV

class Part:
    pass

class Data:
    def numpy(self):
        pass

given = np.load(sys.argv[1])
data = Data()
for name in ("train", "test"):
    part = Part()
    for letter in "tzxyg":
        setattr(part, letter, given[name + "_" + letter])
    part.length = len(part.t)
    setattr(data, name, part)
data.valid = data.test
model = KernelIV()
model.config["verbose"] = 0
start = time.perf_counter(), time.process_time()
model.fit(data)
seconds = time.perf_counter() - start[0], time.process_time() - start[1]
np.savez(sys.argv[2], seconds=seconds, curve=model.predict(data.test)[:, 0])
"""


def their_split(n: int, seed: int = 2022) -> np.ndarray:
    """First-stage rows as mliv draws them: ``numpy.random.seed`` and scikit-learn's ``train_test_split``."""
    marked = np.zeros(n, dtype=bool)
    marked[np.random.RandomState(seed).permutation(n)[n // 2 :]] = True
    return marked


def theirs(python: str, study: yg.Study, points, limit: int) -> dict | None:
    """Seconds and predictions of mliv's KernelIV; None if it was stopped."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "given.npz", Path(folder) / "found.npz"
        columns = {"t": (study.T, points.T), "z": (study.Z, points.Z), "x": (study.X, points.X)}
        columns |= {"y": (study.Y, points.Y), "g": (study.Y, points.g)}
        shaped = {
            f"{part}_{letter}": values[k].reshape(len(values[k]), -1)
            for letter, values in columns.items()
            for k, part in enumerate(("train", "test"))
        }
        np.savez(given, **shaped)
        done = subprocess.run([python, "-c", THEIRS, given, found, str(limit)], stdout=sys.stderr, check=False)
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return None
        done.check_returncode()
        with np.load(found) as answer:
            wall, processor = answer["seconds"].tolist()
            return {"seconds": wall, "processor_seconds": processor, "curve": answer["curve"]}


def compare(n: int, python: str | None, limit: int, repeats: int) -> dict:
    """Both programmes on the first n rows."""
    draw = demand(**demand_seeds(0))
    study, points = draw.study.take(np.arange(n)), draw.extras["test"]["on-policy"]
    method = yg.KernelIV(**PROGRAMME, split=their_split(n))
    record: dict = {"seconds": interleaved({"yinguo": lambda: method.fit(study)}, repeats=repeats)}
    start = time.process_time()
    method.fit(study)
    record["processor_seconds"] = {"yinguo": time.process_time() - start}
    curve = method.predict(points.X, points.T)
    record["test_error"] = {"yinguo": float(np.mean((curve - points.g) ** 2))}
    record["penalties"] = method.penalties_
    if python is None:
        return record
    other = theirs(python, study, points, limit)
    if other is None:
        return record | {"mliv_stopped_after_processor_seconds": limit}
    record["seconds"]["mliv"] = other["seconds"]
    record["test_error"]["mliv"] = float(np.mean((other["curve"] - points.g) ** 2))
    record["processor_seconds"]["mliv"] = other["processor_seconds"]
    record["times_faster"] = other["processor_seconds"] / record["processor_seconds"]["yinguo"]
    record["largest_difference_of_curves"] = float(np.abs(curve - other["curve"]).max())
    record["relative_difference_of_curves"] = float(
        np.linalg.norm(curve - other["curve"]) / np.linalg.norm(other["curve"])
    )
    return record


def large(seeds: range) -> dict:
    """Exact at ten thousand rows, approximate at a hundred thousand, our default options."""
    tasks = {
        "exact_10000": (10_000, {}),
        "nystrom_100000": (100_000, {"approximation": "nystrom"}),
        "random_features_100000": (100_000, {"approximation": "random-features"}),
    }
    record: dict = {}
    for name, (n, options) in tasks.items():
        seconds, processor, errors = [], [], {"on-policy": [], "grid": []}
        for seed in seeds:
            draw = demand(n=n, random_state=seed)
            method = yg.KernelIV(**options, random_state=seed)
            start = time.perf_counter(), time.process_time()
            method.fit(draw.study)
            seconds.append(time.perf_counter() - start[0])
            processor.append(time.process_time() - start[1])
            for kind, points in draw.extras["test"].items():
                errors[kind].append(points.squared_error(method.predict))
        record[name] = {"seconds": max(seconds), "processor_seconds": max(processor), "test_error": errors}
        record[name]["mean_test_error"] = {kind: float(np.mean(values)) for kind, values in errors.items()}
    exact, near = record["exact_10000"]["mean_test_error"], record["nystrom_100000"]["mean_test_error"]
    record["nystrom_error_over_exact"] = {kind: near[kind] / exact[kind] for kind in exact}
    return record


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mliv", metavar="PYTHON")
    parser.add_argument("--limit", type=int, default=130, metavar="SECONDS")
    options = parser.parse_args()
    record = {
        "task": "KernelIV on the demand design, whole fits with both penalties chosen among 50",
        "limits": LIMITS,
        "n_1000": compare(1000, options.mliv, 600, repeats=5),
        "n_5000": compare(5000, options.mliv, 3600, repeats=5),
        "n_10000": compare(10_000, options.mliv, options.limit, repeats=3),
        "large": large(range(3)),
    }
    write("kernel-iv", record)


if __name__ == "__main__":
    main()
