"""A checkpoint folder of transformers: which tensor is in which safetensors file, and what else lies there."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from yinguo.errors import DataError
from yinguo.language.tailor.shards import Entry, ShardReader
from yinguo.nets import torch

__all__ = ["WeightFolder", "check_pair"]

_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
#: Other forms of the same weights, and what training leaves behind: neither belongs to the result.
_LEFT_OUT = {".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx", ".ot"}


class WeightFolder:
    """The weights of a checkpoint, opened to be read tensor by tensor.

    Parameters
    ----------
    path : path
        With ``model.safetensors``, or several files and ``model.safetensors.index.json``.

    Raises
    ------
    DataError
        No such folder, no weights in this format, or an index that does not fit the files.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise DataError(f"there is no folder {self.path}; give one with config.json and safetensors files.")
        self._open = ExitStack()
        try:
            self.shards = {name: self._open.enter_context(ShardReader(self.path / name)) for name in self._files()}
            self._where: dict[str, ShardReader] = {}
            for shard in self.shards.values():
                for name in shard.entries:
                    if name in self._where:
                        raise DataError(f"{name!r} is in two files of {self.path}; remove the one that is not meant.")
                    self._where[name] = shard
            if not self._where:
                raise DataError(f"{self.path} holds no tensor; give the folder that save_pretrained wrote.")
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def __contains__(self, name: str) -> bool:
        return name in self._where

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)

    def entry(self, name: str) -> Entry:
        """Type, shape and place of a tensor."""
        return self._where[name].entries[name]

    def rows(self, name: str, start: int, stop: int) -> torch.Tensor:
        """Rows of a tensor; see :meth:`ShardReader.rows`."""
        return self._where[name].rows(name, start, stop)

    def size(self) -> int:
        """Bytes of all weight files."""
        return sum(shard.path.stat().st_size for shard in self.shards.values())

    def companions(self) -> list[Path]:
        """What is no weights: config, tokenizer, index, and folders without any weights in them."""
        return [
            there
            for there in sorted(self.path.iterdir())
            if not (_is_weights(there) or (there.is_dir() and any(map(_is_weights, there.rglob("*")))))
        ]

    def _files(self) -> list[str]:
        index = self.path / _INDEX
        if not index.exists():
            if not (self.path / _SINGLE).exists():
                raise DataError(self._no_weights())
            return [_SINGLE]
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
            missing = [name for name in names if not (self.path / name).is_file()]
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise DataError(f"{index} is no index of safetensors files; copy or download it again.") from error
        if missing:
            raise DataError(f"{len(missing)} files of {self.path} are missing, first {missing[0]}; copy or download "
                            "them.")  # fmt: skip
        return names

    def _no_weights(self) -> str:
        if (self.path / "adapter_model.safetensors").exists():
            return (f"{self.path} holds an adapter, not a model; merge it first: "
                    "PeftModel.from_pretrained(...).merge_and_unload().save_pretrained(FOLDER).")  # fmt: skip
        if list(self.path.glob("pytorch_model*.bin")):
            return (f"{self.path} holds pytorch_model.bin; load it with transformers and save it again, which writes "
                    "safetensors.")  # fmt: skip
        return f"{self.path} holds no {_SINGLE} and no {_INDEX}; give the folder that save_pretrained wrote."


def _is_weights(file: Path) -> bool:
    return file.suffix in _LEFT_OUT or file.name.endswith(".bin.index.json")


def check_pair(pretrained: WeightFolder, tuned: WeightFolder) -> None:
    """Both hold the same tensors.

    Raises
    ------
    DataError
        A name in one of them only, or another shape.
    """
    odd = sorted(set(pretrained) ^ set(tuned))
    if odd:
        there = pretrained if odd[0] in pretrained else tuned
        raise DataError(f"{len(odd)} tensors are in one checkpoint only, first {odd[0]!r} in {there.path}; both must "
                        "be of the same architecture.")  # fmt: skip
    for name in tuned:
        before, after = pretrained.entry(name).shape, tuned.entry(name).shape
        if before != after:
            raise DataError(f"{name!r} has shape {before} in {pretrained.path} and {after} in {tuned.path}; if tuning "
                            "added tokens, resize the pre-trained embeddings in the same way.")  # fmt: skip
