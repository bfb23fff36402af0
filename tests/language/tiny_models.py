"""A decoder with random weights, and tokenizers of three families trained on a few sentences."""

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from tokenizers.normalizers import BertNormalizer

from yinguo.language.causal_spans import CausalText
from yinguo.language.checkpoints import Checkpoint

SENTENCES = [
    "Smoking: 1, Weight: 10, Exercise: 3, Room size: 7 Answer: Low Risk",
    "Smoking: 9, Weight: 4, Exercise: 2, Room size: 5 Answer: High Risk",
    "Ruth starts with 89 apples. She shares 5 with Peter. How many apples does Ruth end with? Answer: 84.0",
    "the quick brown fox counts 0 1 2 3 4 5 6 7 8 9 10 11 12 and naïve 因果",
] * 5
SPECIAL = ["<unk>", "<pad>", "</s>"]


def byte_level_bpe():
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(
        SENTENCES,
        trainers.BpeTrainer(
            vocab_size=330, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    return wrapped(raw)


def word_piece():
    raw = Tokenizer(models.WordPiece(unk_token="<unk>"))
    raw.normalizer = BertNormalizer()
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.decoder = decoders.WordPiece()
    raw.train_from_iterator(
        SENTENCES, trainers.WordPieceTrainer(vocab_size=120, special_tokens=[*SPECIAL, "[CLS]", "[SEP]"])
    )
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, raw.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return wrapped(raw, sep_token="[SEP]", cls_token="[CLS]")


def sentence_piece():
    raw = Tokenizer(models.Unigram())
    raw.pre_tokenizer = pre_tokenizers.Metaspace()
    raw.decoder = decoders.Metaspace()
    raw.train_from_iterator(
        SENTENCES, trainers.UnigramTrainer(vocab_size=110, special_tokens=[*SPECIAL, "<s>"], unk_token="<unk>")
    )
    raw.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", raw.token_to_id("<s>"))]
    )
    return wrapped(raw, bos_token="<s>")


def wrapped(raw, **names):
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, unk_token="<unk>", pad_token="<pad>", eos_token="</s>", **names
    )


TOKENIZERS = {"byte-level BPE": byte_level_bpe, "WordPiece": word_piece, "SentencePiece": sentence_piece}


def tiny_llama(tokenizer, *, attention="eager", seed=0, heads=4):
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=heads, num_key_value_heads=2, max_position_embeddings=256,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
        attn_implementation=attention,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return transformers.LlamaForCausalLM(config)


def tiny_checkpoint(**options):
    tokenizer = byte_level_bpe()
    return Checkpoint(tiny_llama(tokenizer, **options).eval(), tokenizer, "tiny")


def risk_rows(count=24):
    """Smoking alone decides; the room size is as large as the smoking."""
    rows = []
    for k in range(count):
        smoking = k % 10 + 1
        prompt = f"Weight: {(3 * k) % 10 + 1}, Smoking: {smoking}, Room size: {smoking} Answer:"
        answer = "High Risk" if smoking > 5 else "Low Risk"
        rows.append(CausalText.from_phrases(prompt, answer, {answer: [f"Smoking: {smoking}"]}))
    return rows
