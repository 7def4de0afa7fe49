"""Every error the library raises. Each also is the built-in error that it specialises."""


class JitkitError(Exception):
    """Base of everything that jitkit raises on purpose."""


class DecodeError(JitkitError, ValueError):
    """Bytes and record definition do not agree.

    Attributes
    ----------
    kind : str or None
        What is wrong, in one word: ``"length"``, ``"range"``, ``"enum"``, ``"boolean"``, ``"buffer"``; of files of
        telemetry ``"format"``, ``"header"``, ``"incompatible"``, ``"type"``, ``"size"``, ``"payload"``,
        ``"subscription"``, ``"truncated"``, ``"changed"``; of frames ``"sync"``, ``"checksum"``, ``"truncated"``.
    offset : int or None
        Where, in bytes from the start of the buffer or file.
    record : int or None
        Index of the record.
    field : str or None
        Name of the field, ``"inner.status"`` when nested.
    topic : str or None
        Name of the topic, in files that have several.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str | None = None,
        offset: int | None = None,
        record: int | None = None,
        field: str | None = None,
        topic: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.offset = offset
        self.record = record
        self.field = field
        self.topic = topic

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions pickle by their positional arguments; the attributes travel as state.
        return type(self), self.args, self.__dict__


class LayoutError(JitkitError, TypeError):
    """A record definition, or an array that should receive its columns, has the wrong shape."""


class CapacityError(JitkitError, ValueError):
    """The capacity of a ring is not a power of two."""


class CacheError(JitkitError, OSError):
    """A file of the compile cache is not what it should be, or the cache cannot do what it was asked."""


class MissingExtraError(JitkitError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""
