"""ULog, the log files of PX4: reading and writing.

Where what is, beginning with a file's bytes:

- `_format` is what the room asks of a format; `_constants` has the names and numbers of the specification;
- a sound file: `_read` (in memory) and `_large` (on disk) lead from `_walk`, which goes from message to message,
  `_sound_definitions` and `_sound`, which sorts records, to `_topic`, whose columns the kernel of `_copy` fills;
- a damaged file: `_recover` leads from `_search`, which finds messages among bytes that are none, and `_definitions`,
  where garbage and sound definitions stand beside each other, to `_account`;
- both give `_contents`; `_batches` does the same piece by piece;
- definitions and all other messages: `_formats`, `_payloads`, `_details`; `_kept` is what the next file has of them;
- back again: `_write`.
"""

from jitkit.telemetry.ulog._payloads import Change, Dropout, Message
from jitkit.telemetry.ulog._write import write

__all__ = ["Change", "Dropout", "Message", "write"]
