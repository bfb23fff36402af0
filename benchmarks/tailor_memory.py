"""Memory of tailoring a checkpoint of two gigabytes in several files, with and without moments of the inputs.

Run: OMP_NUM_THREADS=1 python benchmarks/tailor_memory.py [--scratch DIR] [--small]

Two checkpoints are generated (single precision, an embedding and a head of 524 MB each, layers of 2,048 inputs), some
8 GB of disk with the results, all removed at the end. Each way runs in a process of its own; what counts is the largest
resident set of that process. "constant" is that of a process that has imported the same code and done nothing, and the
limit three times the largest tensor plus the constant. Moments are random, of two layers.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import peak_memory, write

LIMITS = {"peak_less_constant_over_largest_tensor": 3.0}
WAYS = ("nothing", "tailor", "tailor with moments", "grafting", "wise-ft")
FILES = 4


def shapes(small: bool) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a decoder of two gigabytes, or of four megabytes."""
    rows, width, wide, layers = (500, 64, 160, 24) if small else (64_000, 2048, 5632, 24)
    found: dict[str, tuple[int, ...]] = {"embed.weight": (rows, width)}
    for k in range(layers):
        found[f"layers.{k}.norm.weight"] = (width,)
        found[f"layers.{k}.up.weight"] = (wide, width)
    return found | {"head.weight": (rows, width)}


def generate(folder: Path, seed: int, small: bool) -> None:
    """A checkpoint of repeated random rows; the second differs from the first everywhere."""
    from yinguo.language.tailor.shards import ShardWriter
    from yinguo.nets import torch
    from yinguo.nets.blocks import make_generator

    folder.mkdir()
    generator, everything = make_generator(seed), shapes(small)
    names = list(everything)
    step = math.ceil(len(names) / FILES)
    where = {}
    for number, start in enumerate(range(0, len(names), step), start=1):
        part = {name: ("F32", everything[name]) for name in names[start : start + step]}
        file = f"model-{number:05d}-of-{FILES:05d}.safetensors"
        with ShardWriter(folder / file, part, {"format": "pt"}) as writer:
            for name, (_, shape) in part.items():
                rows, columns = (1, shape[0]) if len(shape) == 1 else shape
                block = torch.randn(min(rows, 500), columns, generator=generator)
                for done in range(0, rows, len(block)):
                    writer.write(block[: rows - done])
                where[name] = file
    index = {"metadata": {}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text("{}")


def moments(folder: Path, small: bool) -> None:
    """Moments of the inputs of two layers, in one file."""
    from yinguo.language.tailor.shards import ShardWriter
    from yinguo.nets import torch
    from yinguo.nets.blocks import make_generator

    width = shapes(small)["head.weight"][1]
    folder.mkdir()
    X = torch.randn(width // 2, width, generator=make_generator(2))
    with ShardWriter(folder / "0.safetensors", {"H": ("F32", (width, width))}) as writer:
        writer.write(2 * X.T @ X / len(X))
    (folder / "moments.json").write_text(json.dumps({f"layers.{k}.up.weight": "0.safetensors" for k in range(2)}))


def child(way: str, scratch: Path) -> None:
    """One way, in this process."""
    from yinguo.language.tailor.checkpoint import tailor_checkpoint
    from yinguo.nets import torch
    from yinguo.nets.blocks import make_generator

    torch.set_num_threads(1)
    record = {"seconds": 0.0, "processor_seconds": 0.0}
    if way != "nothing":
        started, processor = time.perf_counter(), time.process_time()
        made = tailor_checkpoint(
            scratch / "pretrained", scratch / "tuned", scratch / "out", method=way.split(" ")[0], overwrite=True,
            moments=scratch / "moments" if "moments" in way else None, generator=make_generator(0),
        )  # fmt: skip
        record = {"seconds": time.perf_counter() - started, "processor_seconds": time.process_time() - processor}
        record["density"] = made.density
        if made.layers:
            record["largest_error_over_uncompensated"] = max(x.error / x.uncompensated for x in made.layers)
    print(json.dumps(record | {"peak_megabytes": peak_memory() / 1e6}))


def main() -> None:
    """Generate, run each way in a process, write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scratch")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        folder = Path(scratch)
        generate(folder / "pretrained", 0, options.small)
        generate(folder / "tuned", 1, options.small)
        moments(folder / "moments", options.small)
        size = sum(file.stat().st_size for file in (folder / "tuned").glob("*.safetensors"))
        found = {}
        for way in WAYS:
            command = [sys.executable, __file__, "--child", way, scratch]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
            found[way] = json.loads(done.stdout)
            print(way, found[way], file=sys.stderr, flush=True)
    largest = max(math.prod(shape) for shape in shapes(options.small).values()) * 4
    constant = found.pop("nothing")["peak_megabytes"]
    for record in found.values():
        record["peak_less_constant_over_largest_tensor"] = (record["peak_megabytes"] - constant) * 1e6 / largest
    record = {
        "task": "tailoring a checkpoint of several files on disk, peak resident set",
        "limits": LIMITS, "checkpoint_megabytes": size / 1e6, "files": FILES, "largest_tensor_megabytes": largest / 1e6,
        "constant_megabytes": constant, "ways": found,
    }  # fmt: skip
    if options.small:
        print(json.dumps(record, indent=1))
    else:
        write("tailor", record)


if __name__ == "__main__":
    main()
