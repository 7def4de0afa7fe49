"""The class that users derive their records from."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal, Self, dataclass_transform

import numpy as np

from jitkit._core.buffers import byte_view
from jitkit.errors import DecodeError, LayoutError
from jitkit.records import _decode, _instance, _pack
from jitkit.records._annotations import collect_fields
from jitkit.records._columns import Columns
from jitkit.records._fields import array, bits, bytes_, enum_, pad, scaled
from jitkit.records._layout import Layout, LayoutName, lay_out
from jitkit.records._leaves import Leaf, leaves_of
from jitkit.records._messages import unknown_name
from jitkit.records._reader import Reader, record_index
from jitkit.records._record_type import RecordType
from jitkit.records._schema import Schema
from jitkit.records._select import as_names, select
from jitkit.records._source import source_of
from jitkit.records._types import ByteOrder, whole_number

Tail = Literal["error", "drop", "keep"]


@dataclass_transform(kw_only_default=True, field_specifiers=(array, bits, bytes_, enum_, pad, scaled))
class Record(metaclass=RecordType):
    """Base of structured records: a subclass states the fields, and is a decoder.

    Parameters
    ----------
    layout : "c" or "packed"
        Where fields lie: as a C compiler puts them (System V ABI), or one after the other.
    byteorder : "little" or "big"
        Of all fields that do not have their own (``jk.u16.big``).
    size : int, optional
        Bytes of one record, to be proven.
    allow_padding : bool
        Whether a C layout may have gaps that no `jk.pad` names.

    Raises
    ------
    LayoutError
        When the class is made: it names the field, the offset and the remedy.

    Examples
    --------
    >>> import jitkit as jk
    >>> class Sample(jk.Record, layout="packed", byteorder="big"):
    ...     counter: jk.u16
    ...     level: float = jk.scaled(jk.i16, scale=0.01, unit="V")
    >>> columns = Sample.columns(bytes([0, 1, 0, 100, 0, 2, 255, 156]))
    >>> columns["level"].tolist()
    [1.0, -1.0]
    """

    itemsize: ClassVar[int]
    _layout: ClassVar[Layout]
    _leaves: ClassVar[tuple[Leaf, ...]]
    _schemas: ClassVar[dict[tuple[str, ...], Schema]]
    _all: ClassVar[Schema]

    def __init_subclass__(
        cls,
        *,
        layout: LayoutName = "c",
        byteorder: ByteOrder = "little",
        size: int | None = None,
        allow_padding: bool = False,
    ) -> None:
        super().__init_subclass__()
        if cls.__bases__ != (Record,):
            raise LayoutError(
                f"{cls.__name__}: expected to derive from Record alone: nest the other as a field instead"
            )
        if size is not None:
            size = whole_number("size", size, at_least=1)
        _expect(cls.__name__, "layout", layout, ("c", "packed"))
        _expect(cls.__name__, "byteorder", byteorder, ("little", "big"))
        fields = collect_fields(cls, RESERVED, sys._getframe(2))  # the frame of the class statement
        cls._layout = lay_out(
            cls.__name__, fields, layout=layout, byteorder=byteorder, size=size, allow_padding=allow_padding
        )
        cls._leaves = leaves_of(cls._layout)
        cls.itemsize = cls._layout.itemsize
        cls._all = Schema(cls.__name__, cls.itemsize, cls._leaves)
        cls._schemas = {}
        if "numba" in sys.modules:  # else numba asks for it: see the entry point in pyproject.toml
            from jitkit.records import _typing  # noqa: F401

    def __init__(self, **values: Any) -> None:
        _instance.fill(self, values)

    @classmethod
    def view(cls, buffer: Any) -> np.ndarray[Any, Any]:
        """Structured array that shares the buffer's memory, read-only where the buffer is.

        Parameters
        ----------
        buffer : bytes-like
            Whole records.

        Returns
        -------
        (n,) of `Record.dtype`
            Raw values: not scaled, not checked.

        Raises
        ------
        DecodeError
            If the size is no multiple of the record's (`offset` is where the remainder starts), or the buffer is not
            contiguous.
        LayoutError
            If the record has bit fields, for which NumPy has no dtype.
        """
        dtype = cls.dtype
        _decode.check_tail(cls._all, byte_view(buffer).size, "error")
        if isinstance(buffer, np.ndarray):  # keeps the base and the flags of the very array
            buffer = buffer if isinstance(buffer, np.memmap) else np.asarray(buffer)
            return buffer.reshape(-1).view(np.uint8).view(dtype) if buffer.size else np.empty(0, dtype)
        return np.frombuffer(buffer, dtype) if memoryview(buffer).nbytes else np.empty(0, dtype)

    @classmethod
    def columns(
        cls,
        source: Any,
        fields: Iterable[str] | None = None,
        out: Mapping[str, np.ndarray[Any, Any]] | None = None,
        tail: Tail = "error",
    ) -> Columns:
        """Decode a buffer or file into columns, each written once.

        Parameters
        ----------
        source : bytes-like or path
            Whole records. A file is read in pieces; it never lies in memory as a whole.
        fields : iterable of str, optional
            Which columns: names of fields (``"inner.status"`` of a nested one, ``"inner"`` for all of them).
        out : mapping of str to array, optional
            Arrays to write into, of the dtypes and shapes of the columns; the `Columns` of an earlier call will do, and
            lends its masks, too. Columns that it lacks are allocated. After an error its contents are undefined.
        tail : "error", "drop" or "keep"
            What to do with bytes behind the last whole record; with "keep" they are in `Columns.tail`.

        Raises
        ------
        DecodeError
            If bytes are left with ``tail="error"``, the buffer is not contiguous, an enumeration or boolean has another
            value than it may have, or an array of `out` has the wrong length.
        LayoutError
            If there is no such field, or an array of `out` has the wrong dtype, is not contiguous or read-only.
        OSError
            If the file cannot be read.

        Notes
        -----
        O(n). The first call compiles; see `compile`.
        """
        return _decode.columns(cls._all if fields is None else cls._schema(fields), source, out, tail)

    @classmethod
    def iter_batches(
        cls, path: Any, nbytes: int = 64 << 20, fields: Iterable[str] | None = None, tail: Tail = "error"
    ) -> Iterator[Columns]:
        """Decode a file or buffer larger than memory in batches.

        Parameters
        ----------
        path : path or bytes-like
        nbytes : int
            Input bytes of one batch, at most; but at least one record.
        fields, tail
            As for `columns`. With ``tail="keep"`` the last batch has the bytes.

        Yields
        ------
        Columns
            With memory of its own; none for an empty file.

        Raises
        ------
        DecodeError, LayoutError, OSError
            As for `columns`, but those about the file when the first batch is asked for.
        """
        if not hasattr(nbytes, "__index__") or operator.index(nbytes) < 1:
            raise ValueError(f"expected nbytes to be a positive integer, got {nbytes!r}")
        return _decode.batches(cls._schema(fields), path, operator.index(nbytes), tail)

    @classmethod
    def pack(cls, columns: Mapping[str, Any]) -> bytes:
        """Encode columns into records: the inverse of `columns`.

        Parameters
        ----------
        columns : mapping of str to (n, ...) array-like
            All columns of the record, by name.

        Returns
        -------
        bytes
            Pads are zero. Scaled values become the nearest raw ones, halves the even one.

        Raises
        ------
        DecodeError
            If a value does not fit its field, is not in its enumeration, or columns differ in length.
        LayoutError
            If columns are missing, unknown, or of another kind than the field.
        """
        return _pack.pack(cls._all, columns)

    @classmethod
    def compile(cls) -> None:
        """Make the decoder of all columns now, as machine code of its own, whatever the process has decoded before.

        It takes about 4 ms for each field. The first record classes of a process do so when they first decode; after
        some 500 fields a table-driven kernel serves the others, until a large input comes.
        """
        cls._all.compile()

    @classmethod
    def source(cls) -> str:
        """Return what the specialised decoder does, as Python text."""
        return source_of(cls.__name__, cls.itemsize, cls._all.steps)

    @classmethod
    def load(cls, buffer: Any, i: int) -> Self:
        """Read one record from a buffer; in kernels the result is a tuple with the fields' names.

        Parameters
        ----------
        buffer : bytes-like
        i : int
            Index of the record.

        Raises
        ------
        IndexError
            If the buffer has no whole record `i`.
        DecodeError
            From Python, if the buffer is not contiguous or a value is not in its enumeration.
        """
        data = byte_view(buffer)
        i = record_index(cls.__name__, cls.itemsize, data.size, i)
        record: Self = _instance.read(cls, data[i * cls.itemsize : (i + 1) * cls.itemsize].tobytes(), i)
        return record

    @classmethod
    def reader(cls, field: str) -> Reader:
        """Return a function ``read(buffer, i)`` that reads one field of one record, from Python and in kernels.

        Parameters
        ----------
        field : str
            Name of a field, ``"inner.status"`` of a nested one.

        Raises
        ------
        LayoutError
            If there is no such field.

        Notes
        -----
        Values are as in `columns`; in kernels an f16 comes as float32 and an array as a tuple, which compiles slowly
        from some hundred items on.
        """
        return Reader(cls.__name__, cls.itemsize, select(cls.__name__, cls._leaves, (field,), one=True)[0])

    @classmethod
    def from_bytes(cls, data: Any) -> Self:
        """Return the record that exactly `itemsize` bytes make.

        Raises
        ------
        DecodeError
            If the size differs, or a value is not in its enumeration.
        """
        view = byte_view(data)
        if view.size != cls.itemsize:
            raise DecodeError(f"expected {cls.itemsize} bytes ({cls.__name__}), got {view.size}", kind="length")
        record: Self = _instance.read(cls, view.tobytes())
        return record

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in vars(self) and not isinstance(getattr(type(self), name, None), property):
            raise AttributeError(f"{type(self).__name__}: {unknown_name(name, tuple(vars(self)))}")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name}: expected a value for each field, got del")

    def __bytes__(self) -> bytes:
        return _instance.to_bytes(self)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and _instance.equal(self, other)

    __hash__ = None  # type: ignore[assignment]  # records can be changed

    def __repr__(self) -> str:
        return _instance.describe(self)

    @classmethod
    def _schema(cls, fields: Iterable[str] | None) -> Schema:
        if fields is None:
            return cls._all
        names = as_names(fields)
        schema = cls._schemas.get(names)
        if schema is None:
            chosen = select(cls.__name__, cls._leaves, names)
            schema = cls._schemas.setdefault(names, Schema(cls.__name__, cls.itemsize, chosen))
        return schema


# Names that a field cannot have: it would hide them, here or in the named tuple that `load` gives in kernels.
RESERVED = frozenset(
    {*dir(Record), *Record.__annotations__, "dtype", "_dtype", "_fields", "_make", "_replace", "_asdict"}
)


def _expect(record: str, what: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise LayoutError(f"{record}: expected {what} to be {' or '.join(map(repr, choices))}, got {value!r}")
