"""Tiny models with random weights and a tokenizer of a few words, made in a folder."""

import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

from tokenizers import Tokenizer, models, pre_tokenizers, processors

from yinguo.language.checkpoints import load_checkpoint
from yinguo.language.hub import transformers
from yinguo.nets import torch

TEXT = """
the whale is largest animal on our planet and it swims in deep oceans . , not good bad ##s ##est large blue praise blame
"""
WORDS = TEXT.split()


def tokenizer(encoder):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    core = Tokenizer(models.WordPiece({w: k for k, w in enumerate([*special, *WORDS])}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if encoder:
        core.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip


def saved(folder, kind):
    """A model of a kind ("lm", "masked", "class", "none") in a folder, and its name."""
    encoder = kind != "lm"
    size = len(WORDS) + 5
    if encoder:
        config = transformers.BertConfig(
            vocab_size=size, hidden_size=48, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32,
            max_position_embeddings=40, initializer_range=0.6,
        )  # fmt: skip
        name = {"masked": "BertForMaskedLM", "class": "BertForSequenceClassification", "none": "BertModel"}[kind]
    else:
        config = transformers.LlamaConfig(
            vocab_size=size, hidden_size=48, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=3,
            intermediate_size=32, max_position_embeddings=40, initializer_range=0.6,
        )  # fmt: skip
        name = "LlamaForCausalLM"
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = getattr(transformers, name)(config)
    model.save_pretrained(folder)
    tokenizer(encoder).save_pretrained(folder)
    return str(folder)


def checkpoint(folder, kind):
    return load_checkpoint(saved(folder, kind), head=kind)
