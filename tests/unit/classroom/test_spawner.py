"""A session that uses too much processor time gets a lower CPU weight, until it uses less."""

import asyncio

import pytest

from helpers.classroom.spawner import LITTLE, USUAL, YieldingSpawner


def weights(*seconds):
    """The weights set for a session that has used this many processor seconds in all, every 30 seconds."""
    given = []

    class Session(YieldingSpawner):
        container_id = "c"

        async def docker(self, method, container, **options):
            if method == "stats":
                return {"cpu_stats": {"cpu_usage": {"total_usage": self.used * 1e9}}}
            given.append(options["cpu_shares"])
            return None

    async def watch():
        session = Session()
        for number, used in enumerate(seconds):
            session.used = used
            await session._weigh(30.0 * number)

    asyncio.run(watch())
    return given


@pytest.mark.parametrize("seconds, expected", [
    ([0, 5, 9, 14, 18, 22, 27, 31], [USUAL]),               # normal work
    ([0, 28, 55, 80], [USUAL, LITTLE]),                     # a fork bomb
    ([1000, 1005, 1036], [USUAL, LITTLE]),                  # after a restart of the hub
    ([0, 60, 61, 62, 63, 64, 65], [USUAL, LITTLE, USUAL])])
def test_the_weight_follows_the_recent_load(seconds, expected):
    assert weights(*seconds) == expected
