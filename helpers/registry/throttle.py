"""A line of known bandwidth: a TCP proxy on loopback, between an engine and a registry. Like a home line, it limits the
total bytes a second in each direction, but it adds no latency and loses nothing."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Self

LOOPBACK = "127.0.0.1"
_CHUNK = 1 << 16            # bytes read at once, and buffered for a connection
_BURST_SECONDS = 0.05       # of an idle line that may be made up for
_TURN_SECONDS = 5           # to start or end, which takes milliseconds


class Bucket:
    """A token bucket that may go into debt: `rate` bytes a second, at most `burst` saved. `take` returns how long to
    wait, so that concurrent callers are served in order."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic):
        if not rate > 0 or burst < 0:
            raise ValueError(f"A line needs a speed above zero, not {rate} bytes a second.")
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._seen = burst, clock()

    def take(self, count: int) -> float:
        """Take `count` bytes; returns the seconds to wait before sending them."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._rate) - count
        self._seen = now
        return max(0.0, -self._tokens / self._rate)


class Line:
    """A proxy from a free port of 127.0.0.1 to `upstream` ('host:port'), while the block lasts.

    speed     bytes a second in each direction
    sent      bytes to upstream so far
    received  bytes from upstream so far"""

    def __init__(self, upstream: str, speed: float):
        host, _, port = upstream.rpartition(":")
        self._upstream = host, int(port)
        self.speed = speed
        self.sent = self.received = 0
        self.address = ""
        self._open: set[asyncio.Task] = set()
        burst = speed * _BURST_SECONDS
        self._up, self._down = Bucket(speed, burst), Bucket(speed, burst)
        self._ready: Future[str] = Future()
        # A single thread serves all connections, so the counters need no lock.
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="line", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.address = self._ready.result(_TURN_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(_TURN_SECONDS)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await asyncio.start_server(self._connected, LOOPBACK, 0, limit=_CHUNK)
        except OSError as error:
            self._ready.set_exception(error)
            return
        self._ready.set_result(f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}")
        await self._over.wait()
        server.close()   # the end of the loop cancels the open connections

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio keeps no reference to its tasks: one whose engine is gone would be garbage-collected.
        task = asyncio.current_task()
        assert task
        try:
            self._open.add(task)
            await self._joined(reader, writer)
        except* (OSError, asyncio.CancelledError):
            pass   # one end is gone, or the line ends, which the streams of 3.11 would log
        finally:
            self._open.discard(task)
            writer.close()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._upstream, limit=_CHUNK)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, there_writer, self._up, "sent"))
                both.create_task(self._carry(there_reader, writer, self._down, "received"))
        finally:
            there_writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
                     bucket: Bucket, count: str) -> None:
        """Copy bytes from one end to the other, at the bucket's rate."""
        while data := await reader.read(_CHUNK):
            wait = bucket.take(len(data))
            if wait:
                await asyncio.sleep(wait)
            writer.write(data)
            await writer.drain()
            setattr(self, count, getattr(self, count) + len(data))
        writer.write_eof()
