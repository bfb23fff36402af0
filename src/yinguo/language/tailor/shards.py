"""Files in the safetensors format, read and written some rows at a time.

The format: eight bytes with the length of the header, the header as JSON (for each tensor its type, shape and place),
then the bytes of the tensors one after another. ``safetensors`` itself maps a file into memory, whose pages then count
as the process's own, and writes a file from tensors that are all there; with plain reads and writes a process needs no
more than the rows it works on.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from yinguo.errors import DataError
from yinguo.nets import torch

__all__ = ["FLOATS", "Entry", "ShardReader", "ShardWriter", "row_shape"]

#: Types whose numbers are tailored.
FLOATS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
#: Types that are passed on as they are.
_COPIED = {
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
_TYPES = FLOATS | _COPIED
_NAMES = {dtype: name for name, dtype in _TYPES.items()}
#: Nobody writes headers that long; a larger number is a file of another format.
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of a file.

    Attributes
    ----------
    name, dtype : str
        The type as the format names it, such as "BF16".
    shape : tuple of int
    begin, end : int
        Its bytes, counted from the end of the header.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def row_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns: a vector is one row, a larger array has one row for each first index.

    >>> row_shape((5,)), row_shape((4, 3, 2)), row_shape(())
    ((1, 5), (4, 6), (1, 1))
    """
    return (1, math.prod(shape)) if len(shape) < 2 else (shape[0], math.prod(shape[1:]))


class ShardReader:
    """One file, opened to read rows of its tensors.

    Parameters
    ----------
    path : path

    Raises
    ------
    DataError
        Not a file of this format, cut short, or with a type that cannot be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        # Without a buffer: each read goes straight into the tensor's own memory.
        self._file: IO[bytes] = open(self.path, "rb", buffering=0)  # noqa: SIM115
        try:
            self.entries, self.metadata, self._start = self._header()
        except Exception:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def rows(self, name: str, start: int, stop: int) -> torch.Tensor:
        """Rows of a tensor, as :func:`row_shape` counts them, shape (stop - start, columns)."""
        entry = self.entries[name]
        count, columns = row_shape(entry.shape)
        dtype = _TYPES[entry.dtype]
        stop = min(stop, count)
        width = columns * dtype.itemsize
        buffer = bytearray((stop - start) * width)
        if not buffer:
            return torch.empty(stop - start, columns, dtype=dtype)
        self._file.seek(self._start + entry.begin + start * width)
        view = memoryview(buffer)
        while view:
            got = self._file.readinto(view)  # type: ignore[attr-defined]
            if not got:
                raise DataError(f"{self.path} ends in the middle of {name!r}; copy or download it again.")
            view = view[got:]
        return torch.frombuffer(buffer, dtype=dtype).view(stop - start, columns)

    def tensor(self, name: str) -> torch.Tensor:
        """A whole tensor."""
        entry = self.entries[name]
        return self.rows(name, 0, row_shape(entry.shape)[0]).reshape(entry.shape)

    def _header(self) -> tuple[dict[str, Entry], dict[str, str], int]:
        size = self.path.stat().st_size
        length = int.from_bytes(self._file.read(8), "little")
        if size < 8 or length > min(size - 8, _LONGEST_HEADER):
            raise DataError(f"{self.path} is not a complete safetensors file; copy or download it again.")
        try:
            header = json.loads(self._file.read(length))
        except ValueError as error:
            raise DataError(f"{self.path} is not a safetensors file: its header is no JSON.") from error
        try:
            metadata = header.pop("__metadata__", None) or {}
            listed = [
                Entry(name, said["dtype"], tuple(said["shape"]), *said["data_offsets"])
                for name, said in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0])
            ]
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise DataError(f"{self.path} is not a safetensors file: its header lists no tensors.") from error
        entries = {}
        for entry in listed:
            name = entry.name
            if entry.dtype not in _TYPES:
                raise DataError(f"{name!r} in {self.path} has type {entry.dtype}; weights must be F32, F16 or BF16, so "
                                "use the checkpoint before it was quantised.")  # fmt: skip
            if entry.end - entry.begin != math.prod(entry.shape) * _TYPES[entry.dtype].itemsize:
                raise DataError(f"{self.path}: the bytes of {name!r} do not fit its shape {entry.shape}.")
            if 8 + length + entry.end > size:
                raise DataError(f"{self.path} ends before {name!r} does; copy or download it again.")
            entries[name] = entry
        return entries, metadata, 8 + length


class ShardWriter:
    """One file, written in order: the header first, then rows as they come.

    Parameters
    ----------
    path : path
        Must not exist.
    shapes : mapping of name to (type, shape)
        Types as the format names them. Tensors are written in this order.
    metadata : mapping of str to str, optional

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "one.safetensors"
    >>> with ShardWriter(path, {"w": ("F32", (2, 2))}) as writer:
    ...     writer.write(torch.zeros(1, 2))
    ...     writer.write(torch.ones(1, 2))
    >>> with ShardReader(path) as reader:
    ...     reader.tensor("w").tolist()
    [[0.0, 0.0], [1.0, 1.0]]
    """

    def __init__(
        self,
        path: Path | str,
        shapes: Mapping[str, tuple[str, tuple[int, ...]]],
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
        place = 0
        for name, (dtype, shape) in shapes.items():
            end = place + math.prod(shape) * _TYPES[dtype].itemsize
            header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [place, end]}
            place = end
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)  # the tensors begin at a multiple of eight
        self.path = Path(path)
        self._left = place
        self._file = open(self.path, "xb", buffering=0)  # noqa: SIM115
        self._file.write(len(text).to_bytes(8, "little") + text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        self._file.close()
        if kind is None and self._left:
            raise ValueError(f"{self.path}: {self._left} bytes of the tensors were not written")

    def write(self, rows: torch.Tensor) -> None:
        """The next rows, in the type that the header says."""
        rows = rows.detach().cpu().contiguous()
        if not rows.numel():
            return
        view = memoryview(rows.view(-1).view(torch.uint8).numpy().data)
        self._left -= len(view)
        if self._left < 0:
            raise ValueError(f"{self.path}: more bytes than the header says")
        while view:
            view = view[self._file.write(view) :]


def type_name(dtype: torch.dtype) -> str:
    """Name of a type in the format.

    >>> type_name(torch.bfloat16)
    'BF16'
    """
    return _NAMES[dtype]
