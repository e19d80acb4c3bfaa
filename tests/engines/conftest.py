"""The engine under test: the same as for tests/engine."""

from tests.engine.conftest import engine

__all__ = ["engine"]
