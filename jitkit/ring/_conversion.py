"""Python objects as elements: what fits goes in, and for what does not the error says why."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from jitkit.ring._elements import Element

KINDS = "biufc"  # each kind of number can become one of the kinds after it (of signed and unsigned, what fits)


def element_from(element: Element, value: Any, where: object) -> np.ndarray[Any, Any]:
    """Return an array of one element.

    Raises
    ------
    TypeError
        If `value` is of another kind: a float is no integer, and a number no record.
    OverflowError
        If it is an integer that does not fit.
    ValueError
        If it has another shape, or is too long.
    """
    cell = np.zeros(1, element.dtype)
    dtype = element.dtype
    if element.record is not None and isinstance(value, element.record):
        cell.view(np.uint8).reshape(-1)[:] = np.frombuffer(bytes(value), np.uint8)
    elif element.raw:
        cell.reshape(-1)[:] = _bytes_from(element, value, where)
    elif element.is_array:
        cell[:] = _array_of(element, value, dtype.shape, where)
    elif dtype.names is not None:
        cell[0] = _record_from(element, value, where)
    elif dtype.kind in KINDS:
        with np.errstate(over="ignore"):  # more than a float32 holds is infinite, as in a kernel
            cell[0] = _number_from(element, value, where)
    else:
        cell[0] = _other_from(element, value, where)
    return cell


def _number_from(element: Element, value: Any, where: object) -> Any:
    """Convert what has a method for that, as the machine code of `_numbers` does."""
    dtype = element.dtype
    if isinstance(value, np.ndarray) and value.shape:
        raise TypeError(f"expected one {element}, got an array of shape {value.shape} ({where})")
    problem = f"expected {element}, got {_shown(value)}"
    if isinstance(value, numbers.Number | np.generic | np.ndarray):
        problem += ": convert it first"
    try:
        if dtype.kind == "b" and isinstance(value, bool | np.bool_ | np.ndarray) and np.asarray(value).dtype == bool:
            return bool(value)
        if dtype.kind in "iu":
            value = bool(value) if isinstance(value, np.bool_) else value  # an integer, as True and False of Python are
            number = int(operator.index(value))
            limits = np.iinfo(dtype)
            if limits.min <= number <= limits.max:
                return number
            raise OverflowError
        if dtype.kind in "fc" and not isinstance(value, str | bytes | bytearray):
            return float(value) if dtype.kind == "f" else complex(value)
    except TypeError as error:
        raise TypeError(f"{problem} ({where})") from error
    except OverflowError as error:
        got = _shown(value.item() if isinstance(value, np.generic) else value)
        raise OverflowError(f"expected {_range(dtype)}, got {got} ({where})") from error
    raise TypeError(f"{problem} ({where})")


def elements_from(element: Element, values: Any, where: object) -> np.ndarray[Any, Any]:
    """Return a C-contiguous array of elements: the array itself, if it is one.

    Raises
    ------
    TypeError, OverflowError, ValueError
        As `element_from`.
    """
    if element.raw:
        return _records_from(element, values, where)
    dtype, shape = element.dtype.base, element.dtype.shape
    if element.record is not None and not isinstance(values, np.ndarray):
        values = list(values)
        if values and isinstance(values[0], element.record):
            return joined(element, [element_from(element, value, where) for value in values])
    if not isinstance(values, np.ndarray) and (dtype.names is not None or dtype.kind not in KINDS):
        parts = [element_from(element, value, where) for value in values]
        return joined(element, parts)
    if not isinstance(values, np.ndarray) and not hasattr(values, "__array__"):
        values = _array_from(element, values, where)
    array = np.asarray(values)
    if array.shape[1:] != shape or array.ndim != 1 + len(shape):
        if array.size == 0 and array.ndim == 1:
            return np.zeros(0, element.dtype)
        expected = f"({', '.join(['n', *map(str, shape)])}{',' * (not shape)})"
        raise ValueError(f"expected an array of shape {expected}, got one of shape {array.shape} ({where})")
    return np.ascontiguousarray(_as_dtype(element, array, dtype, where))


def _array_from(element: Element, values: Any, where: object) -> np.ndarray[Any, Any]:
    if isinstance(values, (str, bytes)) or not hasattr(type(values), "__iter__"):
        raise TypeError(f"expected elements of {element}, got {_shown(values)} ({where})")
    items = values if isinstance(values, (list, tuple)) else list(values)
    try:
        array = np.asarray(items)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"expected elements of one shape, got others ({where}): {error}") from error
    # Integers beyond 64 bits among them; or of both int64 and uint64, of which NumPy makes float64.
    mixed = array.dtype.kind == "f" and array.ndim == 1 and all(hasattr(type(item), "__index__") for item in items)
    if array.size and (array.dtype.kind == "O" or mixed):
        return joined(element, [element_from(element, item, where) for item in items])
    return array if array.size else np.zeros(array.shape, element.dtype.base)


def _as_dtype(
    element: Element, array: np.ndarray[Any, Any], dtype: np.dtype[Any], where: object
) -> np.ndarray[Any, Any]:
    if array.dtype == dtype:
        return array
    got = f"an array of {array.dtype}"
    if dtype.kind not in KINDS or array.dtype.kind not in KINDS:
        raise TypeError(f"expected {element}, got {got} ({where})")
    # True and False are integers in Python, and for NumPy; a number is no truth value.
    if KINDS.index(array.dtype.kind) > KINDS.index("u" if dtype.kind == "i" else dtype.kind):
        raise TypeError(f"expected {element}, got {got}: convert it first ({where})")
    if dtype.kind in "iu" and array.size:
        limits = np.iinfo(dtype)
        for extreme in (int(array.min()), int(array.max())):
            if not limits.min <= extreme <= limits.max:
                raise OverflowError(f"expected {_range(dtype)}, got {extreme} ({where})")
    with np.errstate(over="ignore"):
        return array.astype(dtype)


def _range(dtype: np.dtype[Any]) -> str:
    if dtype.kind not in "iu":
        return str(dtype)
    limits = np.iinfo(dtype)
    return f"{dtype} from {limits.min} to {limits.max}"


def _array_of(element: Element, value: Any, shape: tuple[int, ...], where: object) -> np.ndarray[Any, Any]:
    array = np.asarray(value)
    if array.shape != shape:
        raise ValueError(f"expected an array of shape {shape}, got one of shape {array.shape} ({where})")
    return _as_dtype(element, array, element.dtype.base, where)


def _record_from(element: Element, value: Any, where: object) -> Any:
    names = element.dtype.names or ()
    if isinstance(value, (np.void, np.ndarray)) and value.shape == () and value.dtype == element.dtype:
        return value
    if isinstance(value, tuple):
        if len(value) != len(names):
            raise ValueError(f"expected {len(names)} values ({', '.join(names)}), got {len(value)} ({where})")
        return value
    got = f"a record of {value.dtype}" if isinstance(value, np.void) else _shown(value)
    raise TypeError(f"expected a record or a tuple of {', '.join(names)}, got {got} ({where})")


def _other_from(element: Element, value: Any, where: object) -> Any:
    """Text, bytes, dates and times."""
    dtype = element.dtype
    kinds: dict[str, Any] = {"S": (bytes,), "U": (str,), "M": (np.datetime64, str), "m": (np.timedelta64, int)}
    if not isinstance(value, kinds.get(dtype.kind, ())):
        raise TypeError(f"expected {element}, got {_shown(value)} ({where})")
    if dtype.kind in "SU":
        longest = dtype.itemsize // (4 if dtype.kind == "U" else 1)
        if len(value) > longest:
            raise ValueError(f"expected at most {longest} characters, got {len(value)} ({where})")
    return value


def _bytes_from(element: Element, value: Any, where: object) -> np.ndarray[Any, Any]:
    size = element.dtype.itemsize
    try:
        data = np.frombuffer(value, np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        raise TypeError(f"expected {size} bytes ({element}), got {_shown(value)} ({where})") from error
    if data.size != size:
        raise ValueError(f"expected {size} bytes ({element}), got {data.size} ({where})")
    return data


def _records_from(element: Element, values: Any, where: object) -> np.ndarray[Any, Any]:
    size = element.dtype.itemsize
    if isinstance(values, (list, tuple)):
        parts = [element_from(element, value, where) for value in values]
        return joined(element, parts)
    try:
        data = np.frombuffer(values, np.uint8) if memoryview(values).nbytes else np.zeros(0, np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        raise TypeError(f"expected the bytes of records ({element}), got {_shown(values)} ({where})") from error
    if data.size % size:
        raise ValueError(f"expected whole records of {size} bytes, got {data.size} bytes ({where})")
    return data.reshape(-1, size)


def joined(element: Element, parts: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Return all elements of several arrays; `numpy.concatenate` would leave out the gaps of records."""
    result = np.zeros(sum(map(len, parts)), element.dtype)
    start = 0
    for part in parts:
        result[start : start + len(part)] = part
        start += len(part)
    return result


def element_to_python(element: Element, value: Any) -> Any:
    """Return an element as Python has it: a number, bytes, an array or a record of its own."""
    if element.raw:
        return value.tobytes()
    if element.is_array:
        return value.copy()
    if element.dtype.names is not None:
        return value.copy()
    return value.item() if element.code else value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
