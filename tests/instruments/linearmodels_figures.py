"""What linearmodels says of a linear model with instruments; run as a script to write it down for real data.

Run, with linearmodels installed: python tests/instruments/linearmodels_figures.py
Writes tests/reference/two_stage_least_squares/linearmodels.json: version 7.1, on the Card and Angrist-Krueger data.
"""

import importlib.metadata
import json
from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).parent.parent / "reference" / "two_stage_least_squares" / "linearmodels.json"


def figures(*, Y, T, X, Z, groups=None, s=None) -> dict:
    """Coefficients, standard errors and tests, by the name of the option of ours that gives the same."""
    from linearmodels.iv import IV2SLS, IVGMM, IVLIML

    X = np.column_stack([np.ones(len(Y)), X])
    model, likelihood = IV2SLS(Y, X, T, Z, weights=s), IVLIML(Y, X, T, Z, weights=s)
    fuller = IVLIML(Y, X, T, Z, weights=s, fuller=1)
    # Ours: intercept, treatment, covariates. Theirs: intercept, covariates, treatment.
    order = [0, X.shape[1], *range(1, X.shape[1])]
    out: dict = {"errors": {}, "first_stage": {}, "tests": {}}
    covariances = {"unadjusted": {"cov_type": "unadjusted"}, "robust": {"cov_type": "robust"}}
    if groups is not None:
        covariances["clustered"] = {"cov_type": "clustered", "clusters": groups}
    for kind, options in covariances.items():
        for small in (True, False):
            for name, each in (("2sls", model), ("liml", likelihood), ("fuller", fuller)):
                fitted = each.fit(debiased=small, **options)
                out["errors"][f"{name}-{kind}-{'small' if small else 'large'}"] = list(
                    np.asarray(fitted.std_errors, dtype=float)[order]
                )
                out[name] = list(np.asarray(fitted.params, dtype=float)[order])
        fitted = model.fit(debiased=True, **options)
        first = fitted.first_stage
        q = Z.shape[1]
        wald = float(first.diagnostics["f.stat"].iloc[0])
        out["first_stage"][kind] = wald if kind == "unadjusted" else wald / q
        out["first_stage"]["partial_r2"] = float(first.diagnostics["partial.rsquared"].iloc[0])
        out["first_stage"]["cragg_donald"] = float(first.cragg_donald_f)
        large = model.fit(debiased=False, **options)
        out["tests"][f"exogeneity-{kind}"] = float(large.wooldridge_regression.stat)
    fitted = model.fit(cov_type="unadjusted")
    out["tests"] |= {"wu_hausman": float(fitted.wu_hausman().stat), "durbin": float(fitted.durbin().stat)}
    out["kappa"] = float(likelihood.fit().kappa)
    if Z.shape[1] > 1:
        out["tests"] |= {
            "sargan": float(fitted.sargan.stat), "basmann": float(fitted.basmann.stat),
            "likelihood_ratio": float(likelihood.fit().anderson_rubin.stat),
            "hansen_j-robust": float(_two_step(IVGMM, Y, X, T, Z, s, weight_type="robust")),
        }  # fmt: skip
        # They weigh all moments together, so there must be more groups than covariates and instruments.
        if groups is not None and len(np.unique(groups)) > Z.shape[1] + X.shape[1]:
            out["tests"]["hansen_j-clustered"] = float(
                _two_step(IVGMM, Y, X, T, Z, s, weight_type="clustered", clusters=groups)
            )
    return out


def _two_step(model, Y, X, T, Z, s, **weights) -> float:
    return model(Y, X, T, Z, weights=s, **weights).fit(iter_limit=2).j_stat.stat


def main() -> None:
    """Write the reference file."""
    from yinguo.datasets import angrist_krueger_1991, card_1995

    version = importlib.metadata.version("linearmodels")
    record: dict = {"origin": f"linearmodels {version}, tests/instruments/linearmodels_figures.py"}
    for name, instruments in (("card-one", "nearc4"), ("card-both", "both")):
        draw = card_1995(instruments=instruments)
        study, region = draw.study, regions(draw)
        record[name] = figures(Y=study.Y, T=study.T, X=study.X, Z=study.Z, groups=region)
    weighted = card_1995(instruments="both", weighted=True).study
    record["card-weighted"] = figures(
        Y=weighted.Y, T=weighted.T, X=weighted.X, Z=weighted.Z, s=np.asarray(weighted.sample_weight)
    )
    draw = angrist_krueger_1991()
    study = draw.study
    record["angrist-krueger"] = figures(Y=study.Y, T=study.T, X=study.X, Z=study.Z, groups=draw.extras["state"])
    REFERENCE.write_text(json.dumps(record, indent=1) + "\n")


def regions(draw) -> np.ndarray:
    """Region of 1966 of the Card data, 1 to 9: clusters for a test."""
    columns = draw.extras["columns"]
    return np.argmax([columns[f"reg66{region}"] for region in range(1, 10)], axis=0)


if __name__ == "__main__":
    main()
