"""Compiled code on disk: what is found there is what was put there, or it is not found."""

import errno
import glob
import hashlib
import hmac
import json
import os
import re
import stat
import struct
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from jitkit._core.paths import is_writable
from jitkit.cache import _locks
from jitkit.cache._files import SAFELY, make_directory, remove

VERSION = "v1"  # of the layout below a directory
PLAIN, SEALED = b"jkc-sha\x01", b"jkc-mac\x01"  # how entries begin; more than one flipped byte apart
HEAD_BYTES = len(PLAIN) + hashlib.sha256().digest_size
LENGTH = struct.Struct("<I")  # of the header
KEY = re.compile(r"[0-9A-Za-z_-]{3,200}")  # a file name everywhere, and none that leads out of the directory
# What opening gives for something that is no entry and becomes none; not so too many open files, and the like.
DAMAGE = {errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EIO}
MINUTE, HOUR = 60.0, 3600.0  # seconds

_warned: set[Path] = set()


class Entry(NamedTuple):
    """What was put."""

    header: dict[str, Any]
    payload: memoryview


class Store:
    """A content-addressed cache in files, shared by all processes of a user.

    Parameters
    ----------
    directory : Path
        It and what is below it is made by the first `put` or `lock`, for the user alone (mode 0700).
    fallback : Path, optional
        Where new entries go if `directory` can only be read, as that of root in a container image; read as well.
    max_bytes : int
        Of all entries in the directory for new ones. Beyond it, those go that were not used for the longest time.
    key : bytes, optional
        A secret that signs the entries. Those of others are then neither read nor removed.
    wait : float, s
        How long `lock` waits at most.

    Attributes
    ----------
    damaged : int
        Entries found to be cut, changed, swapped, not a file, or open to others. They are removed.

    Notes
    -----
    An entry is the file ``v1/<key[:2]>/<key[2:]>.jkc``: 8 bytes that tell the kind; the SHA-256 digest of what follows,
    or its HMAC-SHA-256 (RFC 2104) if there is a secret; the header's length (4 bytes, little-endian); the header as
    JSON, with the key; the payload. Nothing depends on where the directory lies or from where it was copied.

    What is found gets executed. So a directory counts only if none but the user and root can write there; others are
    refused, with one warning per process. Directories are looked at anew each time, which takes microseconds.

    Any thread and process may call any method, also after a fork. A ValueError says what a key must look like.
    """

    def __init__(
        self, directory: Path, *, fallback: Path | None = None, max_bytes: int = 512 << 20, key: bytes | None = None,
        wait: float = 60.0,
    ) -> None:  # fmt: skip
        if key is not None and not key:
            raise ValueError("expected a secret key of at least one byte, got b'': anybody could sign entries with it")
        self._candidates = [path.absolute() for path in (directory, fallback) if path is not None]
        self._secret = key
        self._total: int | None = None  # bytes of all entries, as far as this process knows; None before its first put
        self.max_bytes, self.wait, self.damaged = max_bytes, wait, 0

    @property
    def directory(self) -> Path:
        """Where new entries go."""
        return self._places()[0]

    @property
    def readable(self) -> tuple[Path, ...]:
        """Where entries are looked for."""
        return self._places()[1]

    @property
    def problem(self) -> str | None:
        """Why new entries cannot be stored, or None. If nothing is `readable` either, the store is switched off."""
        return self._places()[2]

    def get(self, key: str) -> Entry | None:
        """Return what was put, or None. Nothing that can lie on the disk makes it raise."""
        place = _place(key)
        home, readable, problem = self._places(warn=True)
        for directory in readable:
            path = directory / place
            own = directory == home and problem is None
            try:
                entry = self._unseal(key, _read(path))
            except _DamagedError:
                self.damaged += 1
                if own:  # if another process puts a sound one there meanwhile, that one will be compiled again
                    remove(path)
                continue
            if entry is not None:
                with suppress(OSError):
                    if own and abs(time.time() - os.stat(path).st_mtime) > MINUTE:  # in the future it would never age
                        os.utime(path)
                return entry
        return None

    def put(self, key: str, header: dict[str, Any], payload: bytes | memoryview) -> bool:
        """Store an entry, in place of the one with that key; gives whether that was possible.

        It is not if there is a `problem`, the disk is full, or the entry takes more than 90 % of `max_bytes`.
        """
        place = _place(key)
        described = json.dumps({"key": key, "header": header}).encode()
        body = b"".join((LENGTH.pack(len(described)), described, payload))
        low_mark = self.max_bytes * 9 // 10  # not the bound itself, or each further put would scan the directory
        if HEAD_BYTES + len(body) > low_mark:
            return False
        try:
            if (home := self._home()) is None:
                return False
            _write(home / place, self._head(body), body)
        except OSError:
            return False
        self._total = self.nbytes() if self._total is None else self._total + HEAD_BYTES + len(body)
        if self._total > self.max_bytes:
            self.prune(low_mark)
        return True

    @contextmanager
    def lock(self, key: str) -> Iterator[bool]:
        """Let one process at a time do the work for a key; gives whether the lock is held.

        It is not after `wait` seconds, and where there are no locks: Windows, some network drives, a directory with a
        `problem`. At worst the work is then done twice.

        The process holds the lock, not the thread: nested blocks and other threads enter at once, and the last one to
        leave releases it. A process that is killed loses it.
        """
        _place(key)  # for the check
        path, held = self.directory / VERSION / "locks" / key, False
        with suppress(OSError):
            held = _locks.THERE_ARE_LOCKS and self._home() is not None and _locks.lock(path, self.wait)
        try:
            yield held
        finally:
            if held:
                _locks.unlock(path)

    def prune(self, max_bytes: int | None = None) -> tuple[int, int]:
        """Remove the entries that were not used for the longest time, and what killed writers left an hour ago.

        Gives the number of files removed, and the bytes of the entries left: at most `max_bytes`, or the store's own.
        """
        home, _, problem = self._places()
        if problem is not None:
            return 0, self.nbytes()
        bound = self.max_bytes if max_bytes is None else max_bytes
        old = time.time() - HOUR
        removed = sum(remove(path) for time_made, path, *_ in _scan(home, ".tmp") if time_made < old)
        files = sorted(_scan(home, ".jkc"))
        left = sum(nbytes for *_, nbytes in files)
        for _, path, _, nbytes in files:
            if left > bound and remove(path):
                removed += 1
                left -= nbytes
        self._total = left
        return removed, left

    def clear(self) -> int:
        """Remove all `entries`, and return how many files that were."""
        return self.prune(-1)[0]  # not 0, which a file without bytes would not exceed

    def entries(self) -> Iterator[tuple[str, int]]:
        """Yield key and size in bytes of what lies where new entries go."""
        home, readable, _ = self._places()
        if home in readable:
            yield from ((key, nbytes) for _, _, key, nbytes in _scan(home, ".jkc"))

    def nbytes(self) -> int:
        """Bytes of all `entries`."""
        return sum(nbytes for _, nbytes in self.entries())

    def _places(self, warn: bool = False) -> tuple[Path, tuple[Path, ...], str | None]:
        """Look where new entries go, where entries are, and why new ones cannot be stored."""
        readable = []
        for path in self._candidates:
            trusted, problem = _check(path)
            if trusted:
                readable.append(path)
            elif warn and path not in _warned:
                _warned.add(path)
                warnings.warn(str(problem), RuntimeWarning, stacklevel=4)
            if problem is None or not trusted:
                break
        return path, tuple(readable), problem

    def _home(self) -> Path | None:
        """Where new entries go, made if it is missing; None if there is a problem."""
        home, _, problem = self._places(warn=True)
        if problem is None:
            make_directory(home)
            home, _, problem = self._places(warn=True)  # somebody else may have made it first
        return home if problem is None else None

    def _head(self, body: bytes | memoryview) -> bytes:
        if self._secret is None:
            return PLAIN + hashlib.sha256(body).digest()
        return SEALED + hmac.digest(self._secret, body, "sha256")

    def _unseal(self, key: str, data: bytes | None) -> Entry | None:
        """Return the entry that a file is; None if there is none, or it may be one of somebody with another secret."""
        if data is None:
            return None
        head, body = data[:HEAD_BYTES], memoryview(data)[HEAD_BYTES:]
        if not hmac.compare_digest(head, self._head(body)):
            if self._secret is not None or head.startswith(SEALED):
                return None
            raise _DamagedError
        with suppress(struct.error, ValueError, TypeError, KeyError, RecursionError):
            start = LENGTH.size + LENGTH.unpack_from(body)[0]
            described = json.loads(bytes(body[LENGTH.size : start]))
            if described["key"] == key and isinstance(described["header"], dict) and start <= len(body):
                return Entry(described["header"], body[start:])
        raise _DamagedError


class _DamagedError(Exception):
    """A file is not the entry that it should be."""


def _place(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError(f"expected a key of 3 to 200 letters, digits, _ or -, got {key!r}")
    return f"{VERSION}/{key[:2]}/{key[2:]}.jkc"


def _check(path: Path) -> tuple[bool, str | None]:
    """Whether a directory's entries can be trusted, and why none can be added; one that is missing has none."""
    remedy = f"at {path}; set JITKIT_CACHE_DIR to a directory of your own to have compiled code cached"
    status: os.stat_result | None = None
    with suppress(OSError):
        status = os.lstat(path)
    if status is not None and (fault := _fault(status, stat.S_IFDIR)):
        return False, f"{fault} {remedy}"
    of_root = status is not None and hasattr(os, "getuid") and status.st_uid != os.getuid()
    if of_root or not is_writable(path):
        return True, f"expected a directory that can be written, got one that cannot {remedy}"
    return True, None


def _fault(status: os.stat_result, kind: int) -> str | None:
    """Why something may come from others than the user and root, or is not of a kind (S_IFREG, S_IFDIR) at all."""
    if (got := stat.S_IFMT(status.st_mode)) != kind:
        return f"expected a directory itself, got {'a symbolic link' if got == stat.S_IFLNK else 'something else'}"
    if not hasattr(os, "getuid"):  # Windows, where the profile is the user's own
        return None
    if status.st_uid not in (os.getuid(), 0):
        return f"expected a directory of user {os.getuid()}, got one of user {status.st_uid}"
    if (mode := stat.S_IMODE(status.st_mode)) & (stat.S_IWGRP | stat.S_IWOTH):
        return f"expected a directory that only its owner can write (mode 0700), got mode {mode:04o}"
    return None


def _read(path: Path) -> bytes | None:
    """Read a file that none but the user and root could write; None if there is none."""
    try:
        with open(path, "rb", buffering=0, opener=lambda name, flags: os.open(name, flags | SAFELY)) as file:
            if _fault(os.fstat(file.fileno()), stat.S_IFREG):  # of what was opened: the path may mean another one now
                raise _DamagedError
            return file.readall()
    except OSError as error:
        if error.errno in DAMAGE and os.path.lexists(path):  # which is False below a folder that may not be entered
            raise _DamagedError from None
        return None


def _write(path: Path, *parts: bytes) -> None:
    """Put a whole file in place at once. Not synced to the disk: the digest tells what a power failure left."""
    make_directory(path.parent)
    temporary = path.with_name(f"{os.urandom(8).hex()}.tmp")  # not of the process id: containers share directories
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags | SAFELY, 0o600)) as file:
            file.writelines(parts)
        os.replace(temporary, path)
    except BaseException:
        remove(temporary)
        raise


def _scan(directory: Path, suffix: str) -> Iterator[tuple[float, Path, str, int]]:
    """Yield time of last use, path, key and bytes of the store's files, but of none that vanish meanwhile."""
    for name in glob.iglob(f"??/*{suffix}", root_dir=directory / VERSION):
        path = directory / VERSION / name
        with suppress(OSError):
            status = os.lstat(path)
            yield status.st_mtime, path, path.parent.name + path.stem, status.st_size
