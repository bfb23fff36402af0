"""How long counterfactual regression takes on IHDP: beside a bare loop, and beside CATENets.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 YINGUO_DATA=... python benchmarks/cfr.py [--catenets-python PATH]
(``--kinds cfr`` leaves out TARNet side by side)

1. ``ratio``: processor time of one replication through ``TARNet`` and ``CFR`` over that of ``bare``, plain PyTorch
   written for the purpose that takes the same steps with the same sizes, penalties, learning rates and looks.
2. ``many``: seconds on the clock for 20 replications of TARNet and of CFR in two processes of one thread each, and for
   the same in CATENets 0.2.4 (3 x 200 and 3 x 100 units, batches of 100, as many steps, no early stop), one after
   another, by a Python that has it: TARNet in JAX, its fastest form, and TARNet in PyTorch with its penalty on
   imbalance, its only form of CFR. That penalty is the squared distance of means, so that ``CFR, means`` is the same
   method; ``CFR`` is ours by default, whose penalty is optimal transport. The error of the effects stands beside them.

The replications are the first of Shalit's set; effects are judged out of sample against the noiseless truth.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from timing import interleaved, write

import yinguo as yg

FILE = Path(os.environ.get("YINGUO_DATA", ".")) / "ihdp" / "ihdp_shalit_rep001-050.npz"
LOOKS = 20


def replication(r: int):
    """Covariates, treatment, outcome, true effects and the mask of test rows of replication r, counted from 0."""
    with np.load(FILE) as file:
        x, t, y = file["x"], file["t"].astype(float), file["yf"][:, r]
        tau, test = file["mu1"][:, r] - file["mu0"][:, r], np.zeros(len(file["t"]), dtype=bool)
        test[file["test_index"][:, r]] = True
    return x, t, y, tau, test


def ours(r: int, cls=None, *, steps: int, **options) -> float:
    """Root mean squared error of the effects on the test rows."""
    x, t, y, tau, test = replication(r)
    cls = yg.TARNet if cls is None else cls
    learner = cls(folds=None, epochs=steps, look_every=LOOKS, **{"patience": None} | options)
    learner.fit(yg.Study.from_arrays(x[~test], t[~test], y[~test]))
    return float(np.sqrt(np.mean((learner.effect(x[test]) - tau[test]) ** 2)))


def bare(r: int, strength: float, steps: int) -> None:
    """The same arithmetic as straight PyTorch, for its time only."""
    import copy

    import torch
    from torch import nn

    x, t, y, _, test = replication(r)
    x, t, y = (torch.tensor(a[~test], dtype=torch.float32) for a in (x, t, (y - y.mean()) / y.std()))
    order, y = torch.randperm(len(x)), y[:, None]
    held, rows = order[: round(0.3 * len(x))], order[round(0.3 * len(x)) :]

    def net(*sizes, last):
        layers = []
        for a, b in itertools.pairwise(sizes):
            layers += [nn.Linear(a, b), nn.ELU()]
        return nn.Sequential(*(layers if last else layers[:-1]))

    phi, heads = net(x.shape[1], 200, 200, 200, last=True), [net(200, 100, 100, 100, 1, last=False) for _ in range(2)]
    modules = nn.ModuleList([phi, *heads])
    head_weights = [p for h in heads for p in h.parameters() if p.ndim > 1]
    known = {id(p) for p in head_weights}
    others = [p for p in modules.parameters() if id(p) not in known]
    adam = torch.optim.Adam([{"params": head_weights, "weight_decay": 1e-4}, {"params": others}], lr=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.StepLR(adam, 100, 0.97)
    u = float(t[rows].mean())

    def loss(k, balance=True):
        """Squared error of both arms, and the strength times how far their representations are apart."""
        r = phi(x[k])
        r = r / r.square().sum(1, keepdim=True).clamp_min(1e-10).sqrt()
        one, ys = t[k] == 1, y[k]
        total = 0.0
        for head, arm, weight in ((heads[0], ~one, 0.5 / (1 - u)), (heads[1], one, 0.5 / u)):
            total = total + weight * (head(r[arm]) - ys[arm]).square().sum() / len(k)
        return total + strength * total.detach() * moved(r[one], r[~one]) if strength and balance else total

    def moved(a, b):
        """Transport cost between the rows of two arms, ten rounds of Sinkhorn."""
        M = (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp_min(1e-10).sqrt()
        with torch.no_grad():
            top, eps = M.max(), float(0.1 * M.mean())
        M = torch.cat([M, top.expand(1, M.shape[1])])
        M = torch.cat([M, torch.cat([top.expand(len(M) - 1, 1), top.new_zeros(1, 1)])], dim=1)
        p = torch.cat([M.new_full((len(a),), 0.5 / len(a)), M.new_full((1,), 0.5)])
        q = torch.cat([M.new_full((len(b),), 0.5 / len(b)), M.new_full((1,), 0.5)])
        K = torch.exp(-M / eps) + 1e-6
        w = torch.ones_like(p)
        for _ in range(10):
            v = 1 / (K.T @ (p * w))
            w = 1 / (K @ (q * v))
        v = 1 / (K.T @ (p * w))
        return 2 * ((p * w)[:, None] * K * (q * v) * M).sum()

    best, kept = np.inf, None
    for step in range(1, steps + 1):
        adam.zero_grad()
        loss(rows[torch.randperm(len(rows))[:100]], step > 50).backward()
        adam.step()
        schedule.step()
        if step % LOOKS == 0:
            with torch.no_grad():
                look = float(loss(held) + 1e-4 * sum(p.square().sum() for p in head_weights) / 2)
            if look < best:
                best, kept = look, copy.deepcopy(modules.state_dict())
    modules.load_state_dict(kept)


#: Run by a Python that has CATENets: kind, number of replications, steps and file are its arguments. What it calls an
#: iteration is a pass over the rows it learns from, five batches here.
PEER = """
import json, sys, time
import numpy as np
kind, count, steps, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
if kind == "tarnet":
    from catenets.models.jax import TARNet
else:
    from catenets.models.torch import TARNet
D = np.load(path)
sizes = dict(n_layers_r=3, n_units_r=200, n_layers_out=3, n_units_out=100, n_iter=steps // 5, batch_size=100)
errors, seconds = [], 0.0
for r in range(count):
    test = np.zeros(747, bool)
    test[D["test_index"][:, r]] = True
    x, t, y, tau = D["x"], D["t"].astype(float), D["yf"][:, r], D["mu1"][:, r] - D["mu0"][:, r]
    own = {} if kind == "tarnet" else dict(n_unit_in=25, penalty_disc=1.0)
    model = TARNet(**own, **sizes, early_stopping=False)
    start = time.perf_counter()
    model.fit(x[~test], y[~test], t[~test])
    seconds += time.perf_counter() - start
    tau_hat = model.predict(x[test])
    tau_hat = tau_hat.detach().numpy() if hasattr(tau_hat, "detach") else np.asarray(tau_hat)
    errors.append(float(np.sqrt(np.mean((tau_hat.ravel() - tau[test]) ** 2))))
mean, median = float(np.mean(errors)), float(np.median(errors))
print(json.dumps({"seconds": seconds, "root_pehe_mean": mean, "root_pehe_median": median}))
"""


def peer(python: str, kind: str, count: int, steps: int) -> dict:
    """CATENets, one replication after another, on one thread; its own imports are not counted."""
    one_thread = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
    command = [python, "-c", PEER, kind, str(count), str(steps), str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | one_thread)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--catenets-python")
    parser.add_argument("--replications", type=int, default=20, help="0 measures the ratio only")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--kinds", nargs="+", default=["tarnet", "cfr"], choices=["tarnet", "cfr"])
    chosen = parser.parse_args()
    steps, strength = chosen.steps, yg.CFR.option_defaults()["balance_strength"]
    tasks = {
        "bare tarnet": lambda: bare(0, 0.0, steps), "tarnet": lambda: ours(0, steps=steps),
        "bare cfr": lambda: bare(0, strength, steps), "cfr": lambda: ours(0, yg.CFR, steps=steps),
    }  # fmt: skip
    one = interleaved(tasks, repeats=3, clock=time.process_time)
    record: dict = {"steps": steps, "cpu_seconds_of_one_replication": one}
    record["ratio"] = {name: one[name] / one[f"bare {name}"] for name in ("tarnet", "cfr")}
    if chosen.replications:
        record["replications"] = chosen.replications
        record["many"] = side_by_side(chosen.replications, steps, chosen.kinds, chosen.catenets_python)
    write("cfr", record)


def side_by_side(count: int, steps: int, kinds: list[str], python: str | None) -> dict:
    """Seconds on the clock for so many replications, and how far effects are off."""
    found = {}
    for label, cls, options in (
        ("TARNet", yg.TARNet, {}),
        ("CFR", yg.CFR, {}),
        ("CFR, means", yg.CFR, {"distance": "mmd-linear"}),
    ):
        if cls.name not in kinds:
            continue
        start = time.perf_counter()
        with ProcessPoolExecutor(2) as pool:
            errors = list(pool.map(partial(ours, cls=cls, steps=steps, **options), range(count)))
        found[f"{label}, two processes"] = {
            "seconds": time.perf_counter() - start,
            "root_pehe_mean": float(np.mean(errors)),
            "root_pehe_median": float(np.median(errors)),
        }
    for kind in kinds if python else ():
        found[f"catenets {kind}"] = peer(python, kind, count, steps)
        print(kind, found[f"catenets {kind}"], file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    main()
