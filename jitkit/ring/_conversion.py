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
    if element.record is not None and isinstance(value, element.record):
        cell.view(np.uint8).reshape(-1)[:] = np.frombuffer(bytes(value), np.uint8)
    elif element.raw:
        cell.reshape(-1)[:] = _bytes_from(element, value, where)
    else:
        with np.errstate(over="ignore"):  # more than a float32 holds is infinite, as in a kernel
            cell[0] = _value_from(element, value, where)
    return cell


def _value_from(element: Element, value: Any, where: object) -> Any:
    """Convert an object to what NumPy stores as it is."""
    if element.is_array:
        return _array_of(element, value, element.dtype.shape, where)
    if element.dtype.names is not None:
        return _record_from(element, value, where)
    return (_number_from if element.dtype.kind in KINDS else _other_from)(element, value, where)


def _number_from(element: Element, value: Any, where: object) -> Any:
    """Convert what has a method for that, as the machine code of `_numbers` does."""
    dtype = element.dtype
    if isinstance(value, np.ndarray) and value.shape:
        raise TypeError(f"expected one {element}, got an array of shape {value.shape} ({where})")
    if isinstance(value, np.ndarray):
        value = value[()]
    problem = f"expected {element}, got {_shown(value)}"
    if isinstance(value, numbers.Number | np.generic):
        problem += ": convert it first"
    try:
        if dtype.kind == "b" and isinstance(value, bool | np.bool_):
            return bool(value)
        if dtype.kind in "iu":
            value = bool(value) if isinstance(value, np.bool_) else value  # an integer, as True and False of Python are
            number = int(operator.index(value))
            limits = np.iinfo(dtype)
            if limits.min <= number <= limits.max:
                return number
            raise OverflowError
        if (
            dtype.kind == "f"
            and _has_any(value, "__float__", "__index__")
            and not isinstance(value, np.complexfloating)
        ):
            return float(value)  # of NumPy's complex numbers that would be a part
        if dtype.kind == "c" and _has_any(value, "__complex__", "__float__", "__index__"):
            return complex(value)
    except TypeError as error:
        raise TypeError(f"{problem} ({where})") from error
    except OverflowError as error:
        got = _shown(value.item() if isinstance(value, np.generic) else value)
        raise OverflowError(f"expected {_range(dtype)}, got {got} ({where})") from error
    raise TypeError(f"{problem} ({where})")


def _has_any(value: Any, *methods: str) -> bool:
    return any(hasattr(type(value), method) for method in methods) and not isinstance(value, str | bytes)


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
    if isinstance(values, memoryview):
        return np.asarray(values)
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
    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"expected an array of shape {shape}, got {_shown(value)} ({where})") from error
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
        return tuple(_value_from(part, item, where) for part, item in zip(element.fields, value, strict=True))
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
    try:
        found = np.asarray(value, dtype)[()]
        exact = not isinstance(value, np.generic) or np.isnat(value) or found == value
    except (TypeError, ValueError, OverflowError) as error:
        raise type(error)(f"expected {element}, got {_shown(value)} ({where})") from error
    if not exact:
        raise ValueError(f"expected {element}, got {_shown(value)}, of which a part would be lost ({where})")
    return found


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
    if isinstance(value, int) and value.bit_length() > 256:  # Python refuses to print the longest
        return f"an int of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
