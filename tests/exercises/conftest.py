"""The tests of the exercises use the engine that the engine tests use, or give the same reason for none."""

from ..engine.conftest import engine  # noqa: F401
