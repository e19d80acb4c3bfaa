"""The hub's Docker spawner, with a lower CPU weight for sessions that use too much."""

import contextlib
import time

from docker.errors import APIError
from dockerspawner import DockerSpawner

WINDOW, MUCH = 60, 12       # seconds, and more processor seconds than normal work uses in them
USUAL, LITTLE = 1024, 32    # CPU weights (Docker's --cpu-shares)


class YieldingSpawner(DockerSpawner):
    """Lowers the CPU weight of a session that keeps a processor busy, such as a fork bomb, until it uses less. It loses
    nothing while no other session needs the time."""

    weight = 0      # unknown, as after a restart of the hub
    _taken: tuple[tuple[float, float], ...] = ()     # (time, processor seconds since the start), oldest first

    async def start(self) -> object:
        self.weight, self._taken = 0, ()
        return await super().start()

    async def poll(self) -> object:
        ended = await super().poll()
        if ended is None:
            with contextlib.suppress(APIError):     # it has just ended
                await self._weigh(time.monotonic())
        return ended

    async def _weigh(self, now: float) -> None:
        stats = await self.docker("stats", self.container_id, stream=False, one_shot=True)
        used = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        self._taken = (*(each for each in self._taken if each[0] > now - WINDOW), (now, used))
        weight = LITTLE if used - self._taken[0][1] > MUCH else USUAL
        if weight != self.weight:
            await self.docker("update_container", self.container_id, cpu_shares=weight)
            self.weight = weight
