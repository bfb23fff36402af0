"""Which covariates ShadowCatcher takes for shadow variables, over draws of the collider design, and how often wrongly.

x5 is the strongest shadow variable, x2 to x4 are weaker ones, x1 decides who is seen and is none. A candidate's own
moments hold the level and see next to nothing of x1; what rejects it is the agreement among the others.

Run: OMP_NUM_THREADS=1 python benchmarks/shadow_search.py [--draws 200] [--beta 1]
"""

import argparse
import json
from pathlib import Path

import numpy as np

from yinguo.datasets import collider_design
from yinguo.selection.shadow_search import search

LEVEL = 0.05
VALID, IMPOSTOR = ("x2", "x3", "x4", "x5"), "x1"


def main() -> None:
    """Search every draw, print the counts and keep them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--beta", type=float, default=1.0)
    asked = parser.parse_args()
    names = (IMPOSTOR, *VALID)
    chosen = dict.fromkeys(names, 0)
    against: dict[str, list[bool]] = {name: [] for name in names}
    own: dict[str, list[bool]] = {name: [] for name in names}
    for draw in range(asked.draws):
        study = collider_design(beta=asked.beta, n=5000, random_state=5000 + draw).study
        for found in search(study, study.covariates):
            chosen[found.name] += found.verdict == "chosen"
            for kept, p in ((against, found.p_value), (own, found.own_p_value)):
                if p is not None:
                    kept[found.name].append(p < LEVEL)

    def shares(kept: dict[str, list[bool]]) -> dict[str, object]:
        tested = {name: len(kept[name]) for name in names}
        valid = np.concatenate([kept[name] for name in VALID])
        return {"tested": tested, "rejected": {n: sum(kept[n]) for n in names}, "share_of_valid": float(valid.mean())}

    record = {
        "draws": asked.draws, "beta": asked.beta, "level": LEVEL, "chosen": chosen,
        "against_the_others": shares(against), "own_moments": shares(own),
    }  # fmt: skip
    text = json.dumps(record, indent=1)
    print(text)
    (Path(__file__).parent / "results" / f"shadow-search-beta-{asked.beta:g}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
