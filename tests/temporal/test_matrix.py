"""The causal-regression matrix: graphs are found, directions told, weak equations named."""

import json

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import causal_regression_design

NAMES = ["t", "y", "c"]


@pytest.mark.parametrize("structure", ["chain", "fork", "collider", "hidden", "confounder"])
def test_direct_and_total_effects_of_all_pairs_are_those_of_the_graph(structure):
    draw = causal_regression_design(structure=structure, random_state=2)
    found = yg.causal_matrix(draw.table(), time="step", variables=NAMES)
    direct, total = draw.extras["direct"][:3, :3], draw.extras["total"][:3, :3]
    assert found.direct == pytest.approx(direct, abs=0.11)
    assert found.total == pytest.approx(total, abs=0.11)
    true = {(NAMES[j], NAMES[i]) for i, j in np.argwhere(direct)}
    assert {(edge.cause, edge.effect) for edge in found.edges(0.01)} == true
    assert (found.strength > 100).all()


def test_what_it_says_of_two_variables_is_a_direction_or_none():
    found = yg.causal_matrix(
        causal_regression_design(structure="chain", random_state=2).table(), time="step", variables=NAMES
    )
    assert found.between("t", "y", 0.001).startswith("t moves y by 0.")
    assert found.between("y", "t", 0.001).startswith("t moves y by 0.")
    lone = yg.causal_matrix(
        causal_regression_design(structure="confounder", random_state=2).table(), time="step", variables=NAMES
    )
    assert "confounding or selection" in lone.between("t", "y", 0.001)
    document = json.loads(json.dumps(found.to_dict()))
    assert document["variables"] == NAMES
    assert "t -> c" in str(found)


def test_a_variable_without_persistence_is_named_as_a_stop():
    found = yg.causal_matrix(
        causal_regression_design(structure="weak", steps=800, random_state=0).table(), time="step", variables=NAMES
    )
    assert any(d.verdict == "stop" for d in found.diagnostics["y"])
    assert "stop (y as outcome)" in str(found)


def test_wrong_names_are_refused():
    table = causal_regression_design(steps=100).table()
    with pytest.raises(yg.DataError, match="at least two"):
        yg.causal_matrix(table, time="step", variables=["t"])
    found = yg.causal_matrix(table, time="step", variables=["t", "y"])
    with pytest.raises(yg.DataError, match="'q' is not among"):
        found.between("t", "q")
    with pytest.raises(yg.DataError, match="'partial'"):
        found.p_values("partial")
