"""Sets with outcomes hidden: the figures their descriptions give come out of them."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import acic_collider, collider_design, ihdp_collider, jobs_collider, mroz_1987

#: Root mean squared error of effects on the units seen and not seen, linear in each arm, mean over 5 draws:
#: unweighted; weighted by 1 / P(S | X, T); by the true 1 / P(S | X, T, Y).
TABLE = {
    1: ((0.043, 0.046), (0.050, 0.048), (0.030, 0.034)),
    3: ((0.231, 0.285), (0.246, 0.225), (0.106, 0.130)),
    5: ((0.443, 0.602), (0.445, 0.504), (0.220, 0.338)),
}


def errors(draw, weights):
    """Effects by weighted least squares in each arm of the rows seen, against the truth."""
    study, seen = draw.study, draw.study.S == 1
    D = np.column_stack([np.ones(study.n), study.X])
    lines = []
    for arm in (0.0, 1.0):
        rows = seen & (arm == study.T)
        root = np.sqrt(weights[rows])
        lines.append(np.linalg.lstsq(D[rows] * root[:, None], study.Y[rows] * root, rcond=None)[0])
    gap = D @ (lines[1] - lines[0]) - draw.extras["tau"]
    return [np.sqrt(np.mean(gap[rows] ** 2)) for rows in (seen, ~seen)]


@pytest.mark.parametrize("beta", TABLE)
def test_the_collider_design_misleads_as_stated_and_the_true_weights_repair_it(beta):
    found = []
    for seed in range(5):
        draw = collider_design(beta=beta, random_state=seed)
        weights = (np.ones(draw.study.n), 1 / yg.IPSW().fit(draw.study).chance_seen_, 1 / draw.extras["chance_seen"])
        found.append([errors(draw, w) for w in weights])
    # Errors of five draws of 20,000 rows, some with weights of 1 / .01 and less.
    spread = np.std(found, axis=0) / np.sqrt(5) * np.sqrt(2)
    assert (np.abs(np.mean(found, axis=0) - TABLE[beta]) < 4 * spread + 0.01).all()


def test_who_is_seen_in_the_collider_design():
    shares = {beta: collider_design(beta=beta, random_state=0).study for beta in (1, 3, 5)}
    assert [round(float(s.S.mean()), 2) for s in shares.values()] == pytest.approx([0.45, 0.43, 0.43], abs=0.011)
    assert [float(s.S[s.T == 0].mean()) for s in shares.values()] == pytest.approx([0.26, 0.11, 0.08], abs=0.02)
    study = collider_design(shadow=True).study
    assert study.shadow == ("x5",)
    assert study.covariates == ("x1", "x2", "x3", "x4")
    with pytest.raises(yg.DataError, match="n is 1"):
        collider_design(n=1)


def test_mroz_has_the_rows_and_gaps_it_should():
    draw = mroz_1987()
    assert (draw.study.n, int(draw.study.S.sum())) == (753, 428)
    assert np.array_equal(np.isfinite(draw.study.Y), draw.study.S == 1)
    assert len(draw.extras["columns"]) == 22
    workers = draw.study.take(draw.study.S == 1)
    D = np.column_stack([np.ones(428), workers.T, workers.columns(["exper", "expersq"])])
    b = np.linalg.lstsq(D, workers.Y, rcond=None)[0]
    assert b.round(5).tolist() == [-0.52204, 0.10749, 0.04157, -0.00081]
    assert {"educ", "lwage", "inlf"} <= set(draw.table())


def test_ihdp_under_the_collider_has_the_counts_of_the_published_files():
    try:
        draw = ihdp_collider()
    except yg.DataError as error:
        pytest.skip(str(error))
    study, tau = draw.study, draw.extras["tau"]
    seen = study.S == 1
    assert (int(seen.sum()), int(study.T[seen].sum()), int(study.T[~seen].sum())) == (557, 139, 0)
    assert [round(float(v), 3) for v in (tau.mean(), tau[seen].mean(), tau[~seen].mean())] == [4.016, 3.950, 4.208]
    assert [float(v.std()) for v in (tau[seen], tau[~seen])] == pytest.approx([0.951, 0.452], abs=0.0015)
    assert draw.extras["constant"]["all"] == pytest.approx(0.86, abs=0.005)


def test_our_rules_on_acic_and_jobs_give_everybody_a_chance_and_mislead():
    try:
        women, men = acic_collider(), jobs_collider()
    except yg.DataError as error:
        pytest.skip(str(error))
    for draw, least in ((women, 0.01), (men, 0.1)):
        study, Y = draw.study, draw.extras["outcome"]
        assert draw.extras["chance_seen"].min() > least
        assert study.S.mean() == pytest.approx(draw.extras["chance_seen"].mean(), abs=0.03)
        assert np.array_equal(study.Y[study.S == 1], Y[study.S == 1])
        assert set(draw.extras["shadow"]) <= set(study.covariates)
        assert {study.S[arm == study.T].min() for arm in (0, 1)} == {0.0}
    naive = [difference(women.study.T, women.extras["outcome"], rows) for rows in (women.study.S >= 0, seen(women))]
    assert naive[0] - naive[1] > 1
    lot = men.extras["randomised"]
    assert (
        difference(men.study.T, men.extras["outcome"], lot)
        == pytest.approx(men.truth["ATT"])
        == pytest.approx(0.078, abs=1e-3)
    )
    for rows in (lot & seen(men), lot & ~seen(men)):
        assert difference(men.study.T, men.extras["outcome"], rows) < 0.03
    with pytest.raises(yg.DataError, match="setting is 11"):
        acic_collider(setting=11)


def seen(draw):
    return draw.study.S == 1


def difference(T, Y, rows):
    return Y[rows & (T == 1)].mean() - Y[rows & (T == 0)].mean()
