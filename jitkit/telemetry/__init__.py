"""Whole files of telemetry: from bytes to columns, with an account of every byte.

Where what is:

- `_read` finds a file's format, `_log` and `_report` are what users get, `_export` writes the topics of a log to files;
- `ulog` reads and writes PX4's logs; its `_read` is for sound files, `_recover` for damaged ones;
- `framing` finds frames in streams of bytes, by sync word, length and checksum.
"""

from jitkit.telemetry import framing, ulog
from jitkit.telemetry._log import Log
from jitkit.telemetry._read import iter_batches, read
from jitkit.telemetry._report import Report

__all__ = ["Log", "Report", "framing", "iter_batches", "read", "ulog"]
