"""Whom to cite."""

import pytest
from report_toys import Bare

import yinguo as yg
from yinguo import __version__
from yinguo.core.registry import estimators
from yinguo.report.cite import papers, software


def test_aipw_names_the_papers_of_its_scores_without_the_remarks():
    found = papers(yg.AIPW)
    assert "Robins, Rotnitzky & Zhao (1994), JASA 89(427)" in found
    assert not any("Our T" in paper for paper in found)


def test_entropy_balancing_names_the_paper_that_its_kernel_names():
    assert any("Hainmueller (2012)" in paper for paper in papers(yg.EntropyBalancing()))


@pytest.mark.parametrize("name", sorted(estimators()))
def test_every_citation_has_a_year_and_no_markup(name):
    for paper in papers(estimators()[name]):
        assert any(part.isdigit() for part in paper)
        assert "`" not in paper
        assert "\n" not in paper


def test_one_paper_is_cited_once():
    for cls in estimators().values():
        heads = [paper.split(")")[0] for paper in papers(cls)]
        assert len(heads) == len(set(heads))


def test_a_method_without_a_source_names_none():
    assert papers(Bare) == ()


def test_the_software_is_cited_with_its_version():
    assert __version__ in software()
