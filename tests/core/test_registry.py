"""Methods are found by looking, under names a command line can spell."""

import re

import pytest

import yinguo as yg
from yinguo.core.estimator import Estimator, kebab
from yinguo.core.registry import METHOD_PACKAGES, estimators, find
from yinguo.errors import DataError


def test_every_exported_estimator_is_found_under_its_command_line_name():
    found = estimators()
    assert set(found.values()) >= {
        item for name in yg.confounding.__all__ if isinstance(item := getattr(yg.confounding, name), type)
        and issubclass(item, Estimator)
    }  # fmt: skip
    for name, cls in found.items():
        assert find(name) is cls
        assert cls.name == name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert {"difference", "ipw", "aipw", "entropy-balancing", "regression-adjustment"} <= set(found)


def test_a_method_is_found_under_the_other_names_people_know_it_by():
    assert find("2sri") is yg.ControlFunction
    assert find("heckit") is yg.HeckmanTwoStep
    other = [name for cls in estimators().values() for name in cls.also_known_as]
    assert len(set(other)) == len(other)
    assert not set(other) & set(estimators())


def test_the_rooms_are_those_of_the_house():
    assert METHOD_PACKAGES[0] == "confounding"
    assert len(set(METHOD_PACKAGES)) == len(METHOD_PACKAGES)


@pytest.mark.parametrize(
    ("typed", "meant"), [("iwp", "ipw"), ("entropy_balancing", "entropy-balancing"), ("AIPW", "aipw")]
)
def test_a_name_mistyped_is_answered_with_the_nearest(typed, meant):
    with pytest.raises(DataError, match=f"there is no method '{typed}'"):
        find(typed)
    if typed != "AIPW":
        with pytest.raises(DataError, match=f"did you mean .*{meant}"):
            find(typed)


def test_a_name_like_no_other_is_answered_with_all_of_them():
    with pytest.raises(DataError, match="the methods are difference, "):
        find("zzzzzzzzz")


@pytest.mark.parametrize(
    ("name", "shown"),
    [("NearestNeighborMatching", "nearest-neighbor-matching"), ("AIPW", "aipw"), ("KernelIV", "kernel-iv"),
     ("D2VD", "d2vd"), ("CBIVNet", "cbiv-net"), ("A", "a"), ("", "")],
)  # fmt: skip
def test_names_turn_to_kebab_case_with_runs_of_capitals_together(name, shown):
    assert kebab(name) == shown
