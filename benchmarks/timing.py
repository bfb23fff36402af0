"""Time callables in one process, taken in turn, so that ratios hold when the machine's speed drifts."""

import json
import os
import platform
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def interleaved(
    tasks: Mapping[str, Callable[[], object]], repeats: int = 3, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Best time of each task in seconds, on the wall or another clock; every round runs each task once."""
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(repeats):
        for name, task in tasks.items():
            start = clock()
            task()
            best[name] = min(best[name], clock() - start)
    return best


def peak_memory() -> float:
    """Largest resident set of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def extra_memory(task: Callable[[], object]) -> float:
    """How far a task lifts the resident set of this process above where it stood, in bytes (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark restarts from here
    before = _status("VmRSS")
    task()
    return _status("VmHWM") - before


def _status(key: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return float(line.split()[1]) * 1024.0


def write(name: str, record: Mapping[str, object]) -> None:
    """Print a record and keep it under ``benchmarks/results/speed-<name>.json``."""
    import numpy

    import yinguo

    record = dict(record) | {
        "yinguo": yinguo.__version__,
        "numpy": numpy.__version__,
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "default"),
    }
    text = json.dumps(record, indent=1)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"speed-{name}.json").write_text(text + "\n")
