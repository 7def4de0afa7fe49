"""Ring buffers whose capacity is part of the type: within a thread, between threads, between processes."""

from jitkit.ring._buffer import RingBuffer
from jitkit.ring._channel import Consumer, Producer, channel
from jitkit.ring._queue import Queue, mpmc

__all__ = ["Consumer", "Producer", "Queue", "RingBuffer", "channel", "mpmc"]
