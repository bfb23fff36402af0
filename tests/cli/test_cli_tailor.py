"""`yinguo tailor` writes a checkpoint that transformers loads, calibrates on texts, and refuses what cannot be."""

import json

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("safetensors")
from safetensors.torch import load_file, save_file  # noqa: E402

from yinguo.language.tailor.merging import wise_ft  # noqa: E402
from yinguo.language.tailor.model import largest_changes, tailor_model  # noqa: E402
from yinguo.nets.blocks import make_generator  # noqa: E402

SENTENCE = "the cause of an effect is not its correlate and causes come before effects"
WORDS = ["<pad>", "<unk>", *SENTENCE.split()]


def llama(seed):
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=True, pad_token_id=0,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders of a tiny model in several files before and after a change of its weights, with a tokenizer."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = Tokenizer(WordLevel({word: place for place, word in enumerate(dict.fromkeys(WORDS))}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", unk_token="<unk>")
    root = tmp_path_factory.mktemp("models")
    with torch.random.fork_rng():
        model = llama(0)
        model.save_pretrained(root / "before", max_shard_size="6KB")
        g = make_generator(1)
        with torch.no_grad():
            for p in model.parameters():
                p.add_(0.05 * torch.randn(p.shape, generator=g))
        model.save_pretrained(root / "after", max_shard_size="6KB")
    for name in ("before", "after"):
        tokenizer.save_pretrained(root / name)
    (root / "texts.txt").write_text("\n".join(" ".join(WORDS[2 + k : 8 + k]) for k in range(7)))
    return root


def load(folder):
    return {name: value for file in sorted(folder.glob("*.safetensors")) for name, value in load_file(file).items()}


def test_without_texts_the_largest_changes_stay_and_the_folder_loads(yinguo, saved, tmp_path):
    ran = yinguo("tailor", saved / "before", saved / "after", "--out", "out", "--density", "0.25")
    assert ran.code == 0, ran.err
    assert "tensors" in ran.out
    assert "Nothing was compensated" in ran.out
    assert len(list((tmp_path / "out").glob("*.safetensors"))) > 1
    before, after, made = load(saved / "before"), load(saved / "after"), load(tmp_path / "out")
    assert all(torch.equal(made[name], largest_changes(before[name], after[name], 0.25)) for name in after)
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    logits = model(**tokenizer("the cause of an effect", return_tensors="pt")).logits
    assert logits.shape == (1, 5, len(WORDS))


@pytest.mark.parametrize("ending", ["txt", "jsonl"])
def test_with_texts_layers_are_compensated_as_in_memory(yinguo, saved, tmp_path, ending):
    texts = (saved / "texts.txt").read_text().splitlines()
    file = tmp_path / f"texts.{ending}"
    lines = texts if ending == "txt" else [json.dumps({"prompt": text[:12], "response": text[12:]}) for text in texts]
    file.write_text("\n".join(lines))
    folders = ("tailor", saved / "before", saved / "after", "--density", "0.25")
    ran = yinguo(*folders, "--out", "out", "--calibration", file, "--moments", "kept", "--format", "json", "--progress")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert len(told["layers"]) == 14
    assert all(layer["error"] < layer["uncompensated"] for layer in told["layers"])
    assert "yinguo: 20/20" in ran.err
    if ending == "txt":
        model = transformers.AutoModelForCausalLM.from_pretrained(saved / "after")
        before = transformers.AutoModelForCausalLM.from_pretrained(saved / "before").state_dict()
        tokenizer = transformers.AutoTokenizer.from_pretrained(saved / "after")
        batch = dict(tokenizer(texts, return_tensors="pt", padding=True))
        batch.pop("token_type_ids", None)
        memory = tailor_model(model, before, [batch], density=0.25, recompute=False).state
        made = load(tmp_path / "out")
        for layer in told["layers"]:
            assert torch.allclose(made[layer["name"]], memory[layer["name"]], atol=1e-5), layer["name"]
    again = yinguo(
        "tailor", saved / "before", saved / "after", "--out", "two", "--density", "0.25", "--moments", "kept"
    )
    assert again.code == 0, again.err
    assert "lower in 14 of them" in again.out
    first, second = load(tmp_path / "out"), load(tmp_path / "two")
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("method", ["dare", "wise-ft", "ties", "grafting"])
def test_other_ways_write_a_checkpoint_too(yinguo, saved, tmp_path, method):
    ran = yinguo("tailor", saved / "before", saved / "after", "--out", "out", "--method", method, "--alpha", "0.3")
    assert ran.code == 0, ran.err
    before, after, made = load(saved / "before"), load(saved / "after"), load(tmp_path / "out")
    if method == "wise-ft":
        expected = wise_ft(before, after, alpha=0.3)
        assert all(torch.equal(made[name], expected[name]) for name in after)
    else:
        moved = sum(int((made[name] != before[name]).sum()) for name in after)
        assert moved / sum(value.numel() for value in after.values()) == pytest.approx(0.1, abs=0.02)


def test_a_folder_that_is_there_is_overwritten_only_by_force(yinguo, saved, tmp_path):
    (tmp_path / "out").mkdir()
    ran = yinguo("tailor", saved / "before", saved / "after", "--out", "out")
    assert ran.code == 2
    assert ran.err == "yinguo: out is there already; add --force to replace it.\n"
    assert yinguo("tailor", saved / "before", saved / "after", "--out", "out", "--force").code == 0
    assert (tmp_path / "out" / "config.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing", "after"], ["there is no folder", "config.json"]),
        (["before", "after", "--density", "3"], ["density is 3", "at least 0 and at most 1"]),
        (["before", "after", "--method", "dare", "--calibration", "texts.txt"], ["--method tailor"]),
        (["before", "after", "--calibration", "none.txt"], ["cannot read", "none.txt"]),
        (["before", "after", "--calibration", "empty.txt"], ["holds no text"]),
        (["before", "after", "--calibration", "bad.jsonl"], ["line 1 of", "is no JSON"]),
        (["before", "after", "--calibration", "odd.jsonl"], ["line 2 of", "has no text", "prompt"]),
        (["before", "after", "--samples", "0"], ["--samples 0"]),
        (["before", "after", "--moments", "kept"], ["moments.json"]),
        (["before", "wider"], ["has shape", "resize"]),
        (["before", "before/out"], ["there is no folder"]),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_code_2(yinguo, saved, tmp_path, arguments, words):
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "bad.jsonl").write_text("no json")
    (tmp_path / "odd.jsonl").write_text('{"text": "fine"}\n{"label": 3}')
    (tmp_path / "texts.txt").write_text("the cause")
    (tmp_path / "wider").mkdir(exist_ok=True)
    state = load(saved / "after")
    save_file(state | {"model.norm.weight": torch.zeros(17)}, tmp_path / "wider" / "model.safetensors")
    for name in ("before", "after"):
        (tmp_path / name).symlink_to(saved / name)
    ran = yinguo("tailor", *arguments, "--out", "out")
    assert ran.code == 2, ran.err
    assert ran.err.count("\n") == 1
    for word in words:
        assert word in ran.err, ran.err
    assert not (tmp_path / "out").exists()


def test_a_result_in_its_own_source_is_refused(yinguo, saved):
    ran = yinguo("tailor", saved / "before", saved / "after", "--out", saved / "after", "--force")
    assert ran.code == 2
    assert "which it is made from" in ran.err
    assert (saved / "after" / "config.json").exists()


@pytest.mark.parametrize(
    ("lines", "words"),
    [('""\n', "has no text"), ('{"text": ["a", "b"]}\n', "'text' is a list; write the text itself")],
)
def test_calibration_lines_without_a_plain_text_are_refused(yinguo, saved, tmp_path, lines, words):
    (tmp_path / "odd.jsonl").write_text(lines)
    ran = yinguo("tailor", saved / "before", saved / "after", "--out", "out", "--calibration", tmp_path / "odd.jsonl")
    assert ran.code == 2
    assert words in ran.err


def test_a_seed_too_large_and_a_scale_that_is_no_number_are_refused(yinguo, saved):
    for option, value, words in (
        ("--random-state", 10**30, "too large for a seed"),
        ("--scale", "nan", "scale is nan"),
    ):
        ran = yinguo("tailor", saved / "before", saved / "after", "--out", "out", "--method", "ties", option, value)
        assert ran.code == 2
        assert words in ran.err
