"""Fit one network of mliv 0.0.2 on one of its Demand draws; ``mliv_networks.py`` calls this where mliv is installed.

Usage: python mliv_peer.py METHOD EXPERIMENT ROWS

Prints one JSON line: mean squared error against g on mliv's own test set, processor seconds, seed. Every option is
mliv's default except the device, which is the processor. What keeps mliv from running on today's PyTorch is mended
here, in memory: in-place calls with the number first, and saved modules that must be allowed to load.
"""

import contextlib
import functools
import json
import os
import sys
import tempfile
import time


def mend(torch) -> None:
    """Accept the signatures of old versions of PyTorch."""

    def number_last(name: str, keyword: str):
        new = getattr(torch.Tensor, name)

        def call(self, *given, **named):
            if len(given) > 1 and isinstance(given[0], int | float):
                return new(self, *given[1:], **{keyword: given[0]})
            return new(self, *given, **named)

        setattr(torch.Tensor, name, call)

    number_last("add_", "alpha")
    number_last("addcmul_", "value")
    number_last("addcdiv_", "value")
    torch.load = functools.partial(torch.load, weights_only=False)


def main(method: str, experiment: int, rows: int) -> None:
    """Draw, fit, measure."""
    # mliv writes models and monitors into the working directory.
    os.chdir(tempfile.mkdtemp())
    with contextlib.redirect_stdout(sys.stderr):
        import mliv.inference
        import numpy as np
        import torch
        from mliv.dataset.demand.demand_v1 import generate_Demand_test, generate_Demand_train
        from mliv.utils.loaddata import getDataset

        torch.set_num_threads(1)
        mend(torch)
        total = experiment * (experiment + 1) // 2
        data = type("Data", (), {})()
        data.train = getDataset(generate_Demand_train(rows, 0.5, 1.0, 0.0, 2022 + 333 * total))
        data.valid = getDataset(generate_Demand_train(rows, 0.5, 1.0, 0.0, 3033 + 444 * total))
        data.test = getDataset(generate_Demand_test(0.5, 1.0, 0.0, 4044 + 555 * total))
        whole = mliv.utils.CausalDataset.__new__(mliv.utils.CausalDataset)
        whole.__dict__.update(vars(data))
        g = np.array(data.test.g, dtype=float)
        model = getattr(mliv.inference, method)()
        if "device" in model.config:
            model.config["device"] = "cpu"
        start = time.process_time()
        torch.manual_seed(model.config["seed"])  # NN2SLS makes its networks before it seeds
        model.fit(whole)
        seconds = time.process_time() - start
        if method != "DFIV":
            whole.numpy()
        if method in ("NN2SLS", "OneSIV"):
            whole.tensor()
        with torch.no_grad():
            if method in ("NN2SLS", "OneSIV"):  # their predict leaves the network in the mode it is in
                predicted = model.estimation(whole.test)[1].cpu().numpy()
            else:
                predicted = model.predict(whole.test)
        predicted = np.asarray(predicted, dtype=float).reshape(g.shape)
    print(
        json.dumps({"mse": float(np.mean((predicted - g) ** 2)), "cpu_seconds": seconds, "seed": model.config["seed"]})
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
