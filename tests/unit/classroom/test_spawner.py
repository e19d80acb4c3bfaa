"""Who takes much of the processors' time gives way, until they take less."""

import asyncio

from helpers.classroom.spawner import LITTLE, USUAL, YieldingSpawner


def weights(*seconds):
    """The weights that a session is given which has taken so many processor seconds every 30 seconds."""
    given = []

    class Session(YieldingSpawner):
        container_id = "c"

        async def docker(self, method, container, **options):
            if method == "stats":
                return {"cpu_stats": {"cpu_usage": {"total_usage": self.used * 1e9}}}
            given.append(options["cpu_shares"])
            return None

    async def looked_at():
        session = Session()
        for number, used in enumerate(seconds):
            session.used = used
            await session._weigh(30.0 * number)

    asyncio.run(looked_at())
    return given


def test_a_learner_at_work_keeps_the_usual_weight():
    assert weights(0, 5, 9, 14, 18, 22, 27, 31) == [USUAL]


def test_a_session_that_forks_without_end_gets_what_others_leave():
    assert weights(0, 28, 55, 80) == [USUAL, LITTLE]
    assert weights(1000, 1005, 1036) == [USUAL, LITTLE]      # after a restart of the hub


def test_it_is_forgiven():
    assert weights(0, 60, 61, 62, 63, 64, 65) == [USUAL, LITTLE, USUAL]
