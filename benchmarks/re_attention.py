"""Share of a training step that the Re-Attention loss takes at 512 tokens.

Run: OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/re_attention.py [--smollm2]

A step is forward, loss, backward and AdamW on a batch of 4 sequences of 512 tokens in the small decoder, once in the
size one would train from scratch on text (4 layers, width 128) and once in that of the `stg` bench (2 layers, width
64). The decoder keeps its attention in any case; the step with the loss averages it over heads and layers and adds the
hinge. Supervised are the 8 rows that predict the answer, 32 columns each; then, as the dearest case, every row. With
`--smollm2` the same for SmolLM2-135M with LoRA of rank 8 on queries and values, one sequence a step; there the plain
step does not ask for attention.
"""

import argparse
import time

from timing import interleaved, write

from yinguo.language.re_attention import mean_attention, re_attention_loss
from yinguo.language.small_gpt import SmallGPT
from yinguo.nets import nn, torch
from yinguo.nets.blocks import make_generator

LENGTH, BATCH, VOCABULARY = 512, 4, 1000


def masks(batch: int, dense: bool) -> torch.Tensor:
    """Rows that should look at 32 columns: the last eight, or all."""
    supervision = torch.zeros(batch, LENGTH, LENGTH, dtype=torch.bool)
    rows = slice(None) if dense else slice(-9, -1)
    supervision[:, rows, 40:72] = True
    return supervision


def small_steps(width: int, layers: int) -> dict:
    """Training steps of one small decoder."""
    generator = make_generator(0)
    model = SmallGPT(
        vocabulary=VOCABULARY, length=LENGTH, width=width, layers=layers, heads=4, generator=generator
    ).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    tokens = torch.randint(VOCABULARY, (BATCH, LENGTH), generator=generator)

    def step(supervision=None):
        reading = model(tokens)
        loss = nn.functional.cross_entropy(reading.logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
        if supervision is not None:
            loss = loss + 0.1 * re_attention_loss(mean_attention(reading.attentions), supervision, alpha=1e3)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return steps(step, BATCH)


def smollm2_steps() -> dict:
    """Training steps of the bundled 135M decoder with LoRA."""
    from yinguo.language.checkpoints import load_checkpoint
    from yinguo.language.hub import peft

    model = load_checkpoint("smollm2").model
    model = peft.get_peft_model(model, peft.LoraConfig(r=8, target_modules=["q_proj", "v_proj"]))
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    tokens = torch.randint(1000, (1, LENGTH), generator=make_generator(0))

    def step(supervision=None):
        out = model(tokens, output_attentions=supervision is not None, logits_to_keep=9)
        loss = nn.functional.cross_entropy(out.logits[0, :-1], tokens[0, -8:])
        if supervision is not None:
            loss = loss + 0.1 * re_attention_loss(mean_attention(out.attentions), supervision, alpha=1e3)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return steps(step, 1)


def steps(step, batch: int) -> dict:
    """The plain step and the two with the loss."""
    sparse, dense = masks(batch, False), masks(batch, True)
    return {"plain": step, "answer rows": lambda: step(sparse), "every row": lambda: step(dense)}


def measured(tasks: dict, repeats: int) -> dict:
    """CPU seconds of each step, and what share of the step with the loss is the loss."""
    seconds = interleaved(tasks, repeats, clock=time.process_time)
    shares = {name: 1 - seconds["plain"] / seconds[name] for name in seconds if name != "plain"}
    return {"cpu_seconds_of_a_step": seconds, "share_of_the_loss": shares}


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--smollm2", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    record: dict = {"task": f"Re-Attention hinge in a training step, {LENGTH} tokens", "torch": torch.__version__}
    record["small decoder, 4 layers, width 128"] = measured(small_steps(128, 4), repeats=30)
    record["small decoder, 2 layers, width 64"] = measured(small_steps(64, 2), repeats=30)
    if options.smollm2:
        record["SmolLM2-135M, LoRA rank 8"] = measured(smollm2_steps(), repeats=3)
    write("re-attention", record)


if __name__ == "__main__":
    main()
