"""Ring buffers whose capacity is part of the type: within a thread, between threads, between processes."""

from jitkit.ring import _introduced as _introduced
from jitkit.ring._buffer import RingBuffer
from jitkit.ring._channel import channel
from jitkit.ring._consumer import Consumer
from jitkit.ring._producer import Producer
from jitkit.ring._queue import Queue, mpmc
from jitkit.ring._shared import attach_shared, create_shared, unlink_shared
from jitkit.ring._window import WindowBuffer

__all__ = [
    "Consumer",
    "Producer",
    "Queue",
    "RingBuffer",
    "WindowBuffer",
    "attach_shared",
    "channel",
    "create_shared",
    "mpmc",
    "unlink_shared",
]
