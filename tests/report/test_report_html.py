"""The page: well-formed, self-contained, escaped, in the right order, with the right numbers."""

import os
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from report_toys import NASTY, Bare, Failing, draw, methods

import yinguo as yg
from yinguo.errors import DataError, MissingExtraError
from yinguo.report import render_report, write_report

VOID = {"meta", "link", "br", "img", "hr", "input"}
SECTIONS = [
    "assumptions", "compared", "checks", "estimates", "differences", "balance", "overlap", "weights", "unmeasured",
    "cite", "repeat",
]  # fmt: skip


class Page(HTMLParser):
    """Tags, attributes and text of a page; a tag that is not closed in order is an error."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.problems: list[str] = []
        self.feed(text)
        self.close()
        if self.open:
            self.problems.append(f"not closed: {self.open}")

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(params=["page", "nasty_page"])
def text(request) -> str:
    return request.getfixturevalue(request.param)


def test_every_tag_is_closed_in_order(text):
    assert Page(text).problems == []


def test_every_picture_is_well_formed_and_labelled(text):
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(pictures) >= 5
    for picture in pictures:
        root = ElementTree.fromstring(picture)
        assert root.get("role") == "img"
        assert root.get("aria-labelledby")


def test_ids_are_unique_and_links_lead_somewhere(text):
    tags = Page(text).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [attrs["href"][1:] for _, attrs in tags if attrs.get("href", "").startswith("#")]
    assert set(targets) <= set(ids)


def test_nothing_is_loaded_and_nothing_can_run(text):
    for tag, attrs in Page(text).tags:
        assert tag not in ("script", "iframe", "object", "embed", "img", "image", "foreignobject", "base", "form")
        assert not [name for name in attrs if name.startswith("on")]
        for name in ("src", "href", "action", "srcset", "xlink:href"):
            assert attrs.get(name, "#").startswith(("#", "data:,")), (tag, attrs)
    style = "".join(re.findall(r"<style>.*?</style>", text, re.DOTALL))
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "").replace("http-equiv", "")


def test_hostile_names_come_out_as_text(nasty, nasty_page):
    page = Page(nasty_page)
    assert len(re.findall("<title[ >]", nasty_page)) == 1 + nasty_page.count("<svg ")
    for name in (NASTY[0], NASTY[1], NASTY[2], NASTY[3], NASTY[4], NASTY[6], NASTY[7]):
        assert name in page.text
    assert "� 因果" not in page.text
    assert "&amp; 因果 ��" in page.text
    nasty_page.encode("utf-8")


def test_messages_of_methods_are_escaped_too(page):
    assert "<b>step 3</b>" not in page
    assert "the solver stopped at <b>step 3</b>; loosen $tol$." in Page(page).text
    assert "no theory covers <this> method." in Page(page).text


def test_text_levels_of_a_column_are_escaped():
    rows = {"t": ["<b>no</b>", "<i>yes</i>"] * 30, "y": np.arange(60.0) % 7, "x": ["<u>", "v", "w"] * 20}
    study = yg.Study(rows, treatment="t", outcome="y")
    text = render_report(yg.compare(study, [yg.DifferenceInMeans()]))
    assert "<i>yes</i>" not in text
    assert "<i>yes</i>" in Page(text).text
    assert "<u>" not in text


def test_sections_stand_in_the_order_a_person_reads(page):
    found = [attrs["id"] for tag, attrs in Page(page).tags if tag == "section"]
    assert found == SECTIONS
    question = page.index("<h1>")
    assert question < page.index('id="assumptions"')
    checks = page[page.index('id="checks"') : page.index('id="estimates"')]
    assert checks.index("stop") < checks.index("Passed")


def test_numbers_are_those_of_to_dict(comparison, page):
    rows = re.findall(r'<tr data-method="(.*?)">(.*?)</tr>', page, re.DOTALL)
    assert [name for name, _ in rows] == [row.method for row in comparison.rows]
    for (_, row), expected in zip(rows, comparison.to_dict()["results"]):
        values = [float(v) for v in re.findall(r'data-value="(.*?)"', row)]
        ends = [float(v) for v in re.findall(r'data-(?:low|high)="(.*?)"', row)]
        wanted = [expected[k] for k in ("estimate", "se") if expected[k] is not None]
        assert values == wanted
        assert ends == [expected[k] for k in ("ci_low", "ci_high") if expected[k] is not None]


def test_the_level_reaches_intervals_and_words(comparison):
    text = render_report(comparison, level=0.9)
    low = comparison.to_dict(0.9)["results"][1]["ci_low"]
    assert f'data-low="{low!r}"' in text
    assert "90% interval" in text


def test_every_method_is_on_the_page_the_failed_one_with_its_reason(comparison, page):
    words = Page(page).text
    for row in comparison.rows:
        assert row.method in words
    assert "No estimate. the solver stopped" in words
    assert comparison.disagreement() in words


def test_question_assumptions_and_verdicts_are_those_of_the_comparison(comparison, page):
    words = Page(page).text
    assert comparison.question in words
    for sentence in comparison.assumptions:
        assert sentence.split(" (")[0] in words
    for _, diagnostic in comparison.diagnostics:
        assert diagnostic.sentence in words


def test_the_benchmark_is_drawn_and_said(page):
    assert "Benchmark (experiment): 1.000" in Page(page).text
    assert "Reference line, experiment: 1.000." in page


def test_without_sensitivity_the_section_says_so(comparison):
    text = render_report(comparison, sensitivity=False)
    section = text[text.index('id="unmeasured"') : text.index('id="cite"')]
    assert "Not computed" in section
    assert "E-value" not in section


def test_the_same_comparison_gives_the_same_bytes(comparison, page):
    assert render_report(comparison, benchmark=("experiment", 1.0), title="A title") == page


def test_more_than_thirty_covariates_are_cut_to_the_worst_and_it_says_so():
    study = draw(n=500, p=120, names=[f"covariate_{j}" for j in range(120)])
    text = render_report(yg.compare(study, [yg.AIPW()]), sensitivity=False)
    assert "Of 120 covariates the 30 worst are shown" in Page(text).text
    assert "and 80 more" in Page(text).text
    assert Page(text).problems == []


@pytest.mark.parametrize(
    "chosen",
    [
        [], [Failing()], [Bare()], [yg.DifferenceInMeans()], [yg.AIPW(), yg.EntropyBalancing()],
        [yg.AIPW(), yg.AIPW(folds=2)],
    ],
    ids=["none", "failed", "no interval", "raw only", "two estimands", "one twice"],
)  # fmt: skip
def test_any_set_of_methods_gives_a_page(chosen):
    page = Page(render_report(yg.compare(draw(), chosen)))
    assert page.problems == []
    assert [attrs["id"] for tag, attrs in page.tags if tag == "section"] == SECTIONS


def test_studies_with_weights_groups_or_no_covariates_give_a_page():
    rng = np.random.default_rng(0)
    study = draw(sample_weight=rng.random(300) + 0.5, groups=np.arange(300) % 20)
    words = Page(render_report(yg.compare(study, methods()))).text
    assert "Sample weight: sample_weight" in words
    assert "Groups: groups" in words
    bare = yg.Study({"t": [0, 1] * 20, "y": range(40)}, treatment="t", outcome="y")
    assert "There are no covariates" in Page(render_report(yg.compare(bare, [yg.DifferenceInMeans()]))).text


def test_a_treatment_with_three_values_gives_a_page_that_says_why_nothing_was_estimated():
    study = yg.Study({"t": [0, 1, 2] * 20, "y": range(60), "x": [3, 1] * 30}, treatment="t", outcome="y")
    page = Page(render_report(yg.compare(study, [yg.AIPW()])))
    assert page.problems == []
    assert "multi-valued" in page.text


def test_results_from_other_processes_give_the_same_page():
    study, chosen = draw(), methods()[:3]
    here, there = (render_report(yg.compare(study, chosen, n_jobs=jobs)) for jobs in (1, 2))
    seconds = r'data-label="Seconds">[^<]*<'
    assert re.sub(seconds, "", here) == re.sub(seconds, "", there)


def test_write_report_writes_what_render_report_gives(comparison, page, tmp_path):
    path = write_report(comparison, tmp_path / "r.html", benchmark=("experiment", 1.0), title="A title")
    assert path.read_text(encoding="utf-8") == page
    assert yg.write_report is write_report


def test_bad_arguments_are_told_what_to_do(comparison, tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        write_report(comparison, tmp_path / "nowhere" / "r.html")
    with pytest.raises(DataError, match="label and a number"):
        render_report(comparison, benchmark=3.0)
    with pytest.raises(DataError, match="finite"):
        render_report(comparison, benchmark=("x", float("nan")))
    with pytest.raises(DataError, match="level"):
        render_report(comparison, level=95)


def test_importing_the_report_loads_neither_matplotlib_nor_jinja2():
    code = (
        "import sys, yinguo, yinguo.report\nyinguo.report.write_report\n"
        "heavy = {'matplotlib', 'jinja2', 'torch', 'sklearn'} & set(sys.modules)\nassert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("missing", ["matplotlib", "jinja2"])
def test_a_missing_extra_is_named(missing):
    code = (
        f"import sys; sys.modules['{missing}'] = None\nimport yinguo as yg\n"
        "study = yg.Study({'t': [0, 1] * 20, 'y': range(40)}, treatment='t', outcome='y')\n"
        "try:\n    yg.write_report(yg.compare(study, [yg.DifferenceInMeans()]), 'never.html')\n"
        "except ImportError as error:\n    print(type(error).__name__, error)"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.startswith(MissingExtraError.__name__)
    assert "yinguo[report]" in out


@pytest.mark.slow
def test_a_million_rows_give_a_small_page_in_seconds(tmp_path):
    study = draw(n=1_000_000, p=20)
    comparison = yg.compare(study, [yg.DifferenceInMeans(), yg.AIPW(), yg.EntropyBalancing(estimand="ATE")])
    assert comparison.verdict  # diagnostics are not the report's time
    start = time.process_time()
    path = write_report(comparison, tmp_path / "r.html")
    assert time.process_time() - start < 20
    assert os.path.getsize(path) < 2_000_000
