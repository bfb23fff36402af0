"""Comparisons and pages that the report's tests share."""

import pytest
from report_toys import NASTY, draw, methods

import yinguo as yg
from yinguo.core.compare import Comparison


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    """Five methods on a plain study."""
    return yg.compare(draw(), methods())


@pytest.fixture(scope="session")
def nasty() -> Comparison:
    """The same on a study whose every name attacks the page."""
    study = draw(p=6, names=NASTY[:6], treatment=NASTY[6], outcome=NASTY[7])
    return yg.compare(study, methods())


@pytest.fixture(scope="session")
def page(comparison) -> str:
    """The report of the plain comparison."""
    return yg.report.render_report(comparison, benchmark=("experiment", 1.0), title="A title")


@pytest.fixture(scope="session")
def nasty_page(nasty) -> str:
    """The report of the nasty one, with a nasty title and benchmark."""
    return yg.report.render_report(nasty, benchmark=(NASTY[0], 1.0), title=NASTY[3])
