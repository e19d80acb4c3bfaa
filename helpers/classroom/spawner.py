"""The sessions of a class as the hub starts them: Docker's, of which a greedy one gives way to the others."""

import contextlib
import time

from docker.errors import APIError
from dockerspawner import DockerSpawner

WINDOW, MUCH = 60, 12       # seconds, and the processor seconds in them that a learner at work does not reach
USUAL, LITTLE = 1024, 32    # weights where processors are scarce (Docker's --cpu-shares)


class YieldingSpawner(DockerSpawner):
    """A session that takes much of a processor's time for long, as one that forks without end, gets what others leave,
    until it takes less. Where nobody else wants the time, it has as much as before."""

    weight = 0      # not known, as after a restart of the hub
    _taken: tuple[tuple[float, float], ...] = ()     # (when, processor seconds since its start), the oldest first

    async def start(self) -> object:
        self.weight, self._taken = 0, ()
        return await super().start()

    async def poll(self) -> object:
        ended = await super().poll()
        if ended is None:
            with contextlib.suppress(APIError):     # it has ended meanwhile
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
