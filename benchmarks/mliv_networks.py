"""Every network of the instrumental-variable family against its own version in mliv 0.0.2, on mliv's Demand data.

Run: OMP_NUM_THREADS=1 python benchmarks/mliv_networks.py --mliv-python /path/to/python/with/mliv

Training and test rows and their seeds are mliv's (experiments 0, 1, 2; rho 0.5; 2,800 on-policy test rows). The
score is the mean squared error against the structural function. Ours and theirs run at their defaults, on one thread
each; times are processor seconds. mliv's networks are seeded with its default, 2022, ours with 0.

mliv's DeepIV needs TensorFlow 1 and an old Keras and cannot be run today; its row is ``plain_deep_iv`` below, a
rendering of its steps with its options.

mliv's NN2SLS takes minutes of processor time per fit, so not every experiment need have it. Records without seconds
were made while the machine was too busy to time them. Records are kept in ``benchmarks/results/mliv-networks.json`` as
they come; what is there already is not run again.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean

import numpy as np

import yinguo as yg
from yinguo.datasets.demand import demand, demand_seeds
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator, mlp, tensor
from yinguo.nets.conditional_density import log_density

HERE = Path(__file__).parent
RECORDS = HERE / "results" / "mliv-networks.json"
METHODS = ("DFL", "AGMM", "OneSIV", "NN2SLS", "DeepIV", "DFIV", "DeepGMM")


def draw_of(experiment: int, rows: int):
    """mliv's draw of that number."""
    return demand(n=rows, rho=0.5, **demand_seeds(experiment))


def ours(method: str, experiment: int, rows: int) -> dict:
    """Fit our class at its defaults and score it."""
    draw = draw_of(experiment, rows)
    start = time.process_time()
    fitted = getattr(yg, method)().fit(draw.study)
    seconds = time.process_time() - start
    return {"mse": draw.extras["test"]["on-policy"].squared_error(fitted.predict), "cpu_seconds": seconds}


def theirs(method: str, experiment: int, rows: int, python: str | None) -> dict | None:
    """Fit mliv's class at its defaults and score it; None where it cannot be run."""
    if method == "DeepIV":
        return plain_deep_iv(experiment, rows)
    if python is None:
        return None
    command = [python, str(HERE / "mliv_peer.py"), method, str(experiment), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def plain_deep_iv(experiment: int, rows: int) -> dict:
    """mliv's DeepIV step by step: raw columns, its dropout, penalties and epochs, one squared error per draw."""
    draw = draw_of(experiment, rows)
    study, test = draw.study, draw.extras["test"]["on-policy"]
    start = time.process_time()
    generator = make_generator(2022)
    epochs, hidden = min(int(1e6 / rows), 10), [128, 64, 32]
    how = {"generator": generator, "dropout": min(1000 / (1000 + rows), 0.5), "init": "xavier"}
    T, X, Y, Z = (tensor(array.copy()) for array in (study.T, study.X, study.Y, study.Z))
    density, response = mlp([3, *hidden, 15], **how), mlp([3, *hidden, 1], **how)

    def descend(net, penalty, loss) -> None:
        adam = torch.optim.Adam(net.parameters())
        weights = [p for p in net.parameters() if p.ndim > 1]
        for _ in range(epochs):
            for part in torch.randperm(rows, generator=generator).split(100):
                adam.zero_grad()
                # Keras leaves the weights of the last layer, which it makes separately, without a penalty.
                (loss(part) + penalty * sum(w.square().sum() for w in weights[:-1])).backward()
                adam.step()

    descend(density, 1e-4, lambda part: -log_density(density(torch.cat([Z, X], 1)[part]), T[part]).mean())
    density.eval()

    def squares(part):
        with torch.no_grad():
            weights, means, spreads = density(torch.cat([Z, X], 1)[part]).chunk(3, dim=1)
        chosen = torch.multinomial(weights.softmax(1), 2, replacement=True, generator=generator)
        noise = torch.randn(chosen.shape, generator=generator)
        draws = means.gather(1, chosen) + spreads.gather(1, chosen).exp() * noise
        return sum((Y[part] - response(torch.cat([X[part], t[:, None]], 1))).square().mean() for t in draws.T) / 2

    descend(response, 1e-3, squares)
    response.eval()
    with torch.no_grad():
        g = response(tensor(np.column_stack([test.X, test.T])))[:, 0].numpy()
    return {"mse": float(np.mean((g - test.g) ** 2)), "cpu_seconds": time.process_time() - start, "rendering": True}


def summary(records: list[dict]) -> str:
    """One line per method and number of rows: mean errors, their ratio, seconds."""
    lines = [
        f"{'method':8} {'rows':>6} {'ours':>10} {'mliv':>10} {'ratio':>7} {'ours s':>7} {'mliv s':>7}  experiments"
    ]
    for rows in sorted({r["rows"] for r in records}):
        for method in METHODS:
            of = lambda who: {  # noqa: E731
                r["experiment"]: r for r in records
                if (r["method"], r["rows"], r["who"]) == (method, rows, who) and "mse" in r  # noqa: B023
            }  # fmt: skip
            a, b = of("ours"), of("mliv")
            both = sorted(set(a) & set(b))
            if both:
                mine, other = (mean(x[e]["mse"] for e in both) for x in (a, b))
                timed = ([x[e]["cpu_seconds"] for e in both if "cpu_seconds" in x[e]] for x in (a, b))
                seconds = [mean(known) if known else float("nan") for known in timed]
                lines.append(
                    f"{method:8} {rows:6} {mine:10.1f} {other:10.1f} {mine / other:7.3f} {seconds[0]:7.1f} "
                    f"{seconds[1]:7.1f}  {', '.join(map(str, both))}"
                )
    return "\n".join(lines)


def main() -> None:
    """Run what is missing and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--mliv-python", help="interpreter of an environment with mliv; without it, its rows are left out"
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[5000])
    parser.add_argument("--experiments", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--who", nargs="+", default=["ours", "mliv"], choices=["ours", "mliv"])
    given = parser.parse_args()
    if given.mliv_python is None:
        print("no --mliv-python: the rows of mliv are left out, except the rendering of its DeepIV.", file=sys.stderr)
    torch.set_num_threads(1)
    for rows in given.rows:
        for experiment in given.experiments:
            for method in given.methods:
                for who in given.who:
                    key = {"method": method, "who": who, "rows": rows, "experiment": experiment}
                    kept = json.loads(RECORDS.read_text()) if RECORDS.exists() else []
                    if any(key.items() <= record.items() for record in kept):
                        continue
                    if who == "ours":
                        found = ours(method, experiment, rows)
                    else:
                        found = theirs(method, experiment, rows, given.mliv_python)
                    if found is not None:
                        kept.append(key | found | {"yinguo": yg.__version__, "torch": torch.__version__})
                        RECORDS.write_text(json.dumps(kept, indent=1) + "\n")
    print(summary(json.loads(RECORDS.read_text())))


if __name__ == "__main__":
    main()
