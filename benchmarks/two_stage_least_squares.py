"""Two-stage least squares with robust errors and all its tests, against bare normal equations and peers without tests.

Run: OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/two_stage_least_squares.py [--peers]

n = 1,000,000 rows, 2 instruments, 5 covariates, everybody starts from the same arrays. Ours makes the study, fits, and
reads ``diagnostics``: effective F, Hansen J, the robust exogeneity test, and the homoscedastic F, Sargan and Wu-Hausman
figures. The bare normal equations stack the designs, multiply and solve: a coefficient, no
error, no test, no check of the input. ``bare_stacked`` is handed the designs and only multiplies and solves. Peers give
robust standard errors and no test. Processor time is given as well as wall time, for machines with other things to do.
Memory is how far a task lifts the resident set of a process of its own. Peers: linearmodels, pyfixest, statsmodels.
"""

import argparse
import subprocess
import sys
import time

import numpy as np
from timing import extra_memory, interleaved, write

ROWS = 1_000_000


def data(n: int = ROWS, seed: int = 0):
    """Five exogenous covariates, two instruments, a hidden confounder; effect 1."""
    rng = np.random.default_rng(seed)
    X, Z, U = rng.normal(size=(n, 5)), rng.normal(size=(n, 2)), rng.normal(size=n)
    T = Z @ [0.5, 0.3] + X @ np.full(5, 0.1) + U + rng.normal(size=n)
    return X, Z, T, T + X.sum(axis=1) + U + rng.normal(size=n) * (0.5 + np.abs(Z[:, 0]))


def designs(X, Z, T):
    one = np.ones(len(T))
    return np.column_stack([one, T, X]), np.column_stack([one, Z, X])


def normal_equations(D, Q, Y):
    """Coefficients from cross-products."""
    tQQ, tQD, tQY = Q.T @ Q, Q.T @ D, Q.T @ Y
    projected = np.linalg.solve(tQQ, tQD)
    return np.linalg.solve(tQD.T @ projected, projected.T @ tQY)


def ours(X, Z, T, Y):
    """Estimate, robust error and the verdicts of all checks."""
    import yinguo as yg

    result = yg.TwoStageLeastSquares().fit(yg.Study.from_arrays(X, T, Y, Z=Z)).result_
    return result, result.diagnostics


def with_linearmodels(X, Z, T, Y):
    from linearmodels.iv import IV2SLS

    fitted = IV2SLS(Y, np.column_stack([np.ones(len(Y)), X]), T, Z).fit(cov_type="robust")
    return fitted.params.iloc[-1], fitted.std_errors.iloc[-1]


def with_pyfixest(X, Z, T, Y):
    import pandas as pd
    import pyfixest

    names = [f"x{j}" for j in range(5)]
    table = pd.DataFrame(np.column_stack([Y, T, Z, X]), columns=["y", "t", "z1", "z2", *names])
    fitted = pyfixest.feols(f"y ~ {' + '.join(names)} | t ~ z1 + z2", data=table, vcov="HC1")
    return fitted.coef()["t"], fitted.se()["t"]


def with_statsmodels(X, Z, T, Y):
    """Its sandbox estimator has no robust error; that is granted to it."""
    from statsmodels.sandbox.regression.gmm import IV2SLS

    D, Q = designs(X, Z, T)
    fitted = IV2SLS(Y, D, Q).fit()
    return fitted.params[1], fitted.bse[1]


PEERS = {"linearmodels": with_linearmodels, "pyfixest": with_pyfixest, "statsmodels_sandbox": with_statsmodels}


def memory(name: str) -> float:
    """Extra memory of one task in a fresh process, in bytes."""
    done = subprocess.run([sys.executable, __file__, "--memory-of", name], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--memory-of")
    options = parser.parse_args()
    X, Z, T, Y = data()
    tasks = {
        "yinguo": lambda: ours(X, Z, T, Y),
        "bare": lambda: normal_equations(*designs(X, Z, T), Y),
    } | {name: (lambda peer=peer: peer(X, Z, T, Y)) for name, peer in PEERS.items()}
    if options.memory_of:
        task = tasks[options.memory_of]
        print(extra_memory(task))
        return
    D, Q = designs(X, Z, T)
    study_given = _study(X, Z, T, Y)
    tasks |= {
        "yinguo_study_given": lambda: _fitted(study_given),
        "bare_stacked": lambda: normal_equations(D, Q, Y),
    }
    if not options.peers:
        tasks = {name: task for name, task in tasks.items() if name not in PEERS}
    seconds = interleaved(tasks, repeats=options.repeats)
    processor = interleaved(tasks, repeats=options.repeats, clock=time.process_time)
    result, checks = ours(X, Z, T, Y)
    input_bytes = sum(part.nbytes for part in (X, Z, T, Y))
    record = {
        "task": f"2SLS, robust errors, first-stage F, over-identification and exogeneity tests, n={ROWS}, q=2, p=5",
        "seconds": seconds,
        "processor_seconds": processor,
        "ratio_to_bare": seconds["yinguo"] / seconds["bare"],
        "ratio_to_bare_stacked": seconds["yinguo_study_given"] / seconds["bare_stacked"],
        "processor_ratio_to_bare": processor["yinguo"] / processor["bare"],
        "processor_ratio_to_bare_stacked": processor["yinguo_study_given"] / processor["bare_stacked"],
        "extra_memory_over_input": {
            name: memory(name) / input_bytes for name in ("yinguo", "bare", *(PEERS if options.peers else ()))
        },
        "estimate": result.estimate,
        "se": result.se,
        "difference_from_bare": result.estimate - normal_equations(D, Q, Y)[1],
        "extras": {name: float(value) for name, value in result.extras.items()},
        "diagnostics": [f"{check.verdict}: {check.sentence}" for check in checks],
    }
    if options.peers:
        record["peer_estimates"] = {name: [float(v) for v in peer(X, Z, T, Y)] for name, peer in PEERS.items()}
        record["times_faster_than_fastest_peer"] = min(seconds[name] for name in PEERS) / seconds["yinguo"]
        record["processor_times_faster"] = min(processor[name] for name in PEERS) / processor["yinguo"]
    write("two-stage-least-squares", record)


def _study(X, Z, T, Y):
    import yinguo as yg

    return yg.Study.from_arrays(X, T, Y, Z=Z)


def _fitted(study):
    import yinguo as yg

    result = yg.TwoStageLeastSquares().fit(study).result_
    return result, result.diagnostics


if __name__ == "__main__":
    main()
