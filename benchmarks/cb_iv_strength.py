"""What the balance penalty of CB-IV costs, on draws of the IHDP design that no published table uses.

First the limit: the slope of the outcome on the predicted treatment with and without the covariates, over many draws.
The predicted treatment is a logistic regression given the products through which the instruments act, so that nothing
is lost in the first stage. Without covariates is where complete balance leads. Then CB-IV at several strengths on draws
with other seeds and sizes than the published ones: error against the truth, and the objective on held-out rows.

    YINGUO_DATA=FOLDER python benchmarks/cb_iv_strength.py [--draws 8]
"""

import argparse

import numpy as np
from sklearn.linear_model import LogisticRegression

import yinguo as yg
from yinguo.bench.instrument_draws import with_validation_rows
from yinguo.datasets import ihdp_iv

#: Observed and hidden confounders of the draws CB-IV is fitted to; the seed is 11 plus the place.
SIZES = ((6, 2), (5, 1), (3, 3), (5, 0), (6, 1), (4, 1), (6, 2), (5, 1))
STRENGTHS = (0.0, 0.004, 0.02)


def study_of(m_x: int, m_u: int, seed: int) -> tuple[yg.Study, float]:
    """Training and validation rows, and the truth the authors use."""
    draw = with_validation_rows(ihdp_iv(m_x=m_x, m_u=m_u, random_state=seed))
    return draw.study, draw.extras["published_truth"]


def limits(m_x: int, m_u: int, draws: int = 40) -> np.ndarray:
    """Errors of the slope on the predicted treatment, with the covariates and without, one row for each draw."""
    found = []
    for seed in range(3000, 3000 + draws):
        study, truth = study_of(m_x, m_u, seed)
        X, Z = study.X, np.asarray(study.Z)
        design = np.column_stack([Z * X[:, : Z.shape[1]], X])
        model = LogisticRegression(C=1e4, max_iter=3000).fit(design, study.T)
        s, one = model.predict_proba(design)[:, 1], np.ones(study.n)
        found.append(
            [np.linalg.lstsq(D, study.Y, rcond=None)[0][1] - truth
             for D in (np.column_stack([one, s, X]), np.column_stack([one, s]))]
        )  # fmt: skip
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=len(SIZES))
    print("error of the slope on the predicted treatment: mean (SD) with covariates; without")
    for m_x, m_u in ((6, 0), (4, 2)):
        errors = limits(m_x, m_u)
        print(f"2-{m_x}-{m_u}", "; ".join(f"{e.mean():.2f} ({e.std():.2f})" for e in errors.T), flush=True)
    errors = []
    for place, (m_x, m_u) in enumerate(SIZES[: parser.parse_args().draws]):
        seed = 11 + place
        study, truth = study_of(m_x, m_u, seed)
        fits = [yg.CBIV(balance_strength=strength, random_state=seed).fit(study) for strength in STRENGTHS]
        errors.append([fit.result_.estimate - truth for fit in fits])
        held = [np.mean([history.epochs[-1].validation for history in fit.history_]) for fit in fits]
        shown = (f"{error:+.2f} ({objective:.3f})" for error, objective in zip(errors[-1], held, strict=True))
        print(f"2-{m_x}-{m_u}, seed {seed}:", *shown, flush=True)
    print("RMSE at", dict(zip(STRENGTHS, np.sqrt(np.mean(np.square(errors), axis=0)).round(3).tolist(), strict=True)))


if __name__ == "__main__":
    main()
