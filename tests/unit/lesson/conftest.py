import pytest

from helpers.lesson import terminal


@pytest.fixture(autouse=True)
def kernel(monkeypatch):
    """A kernel that has made no call yet."""
    monkeypatch.setattr(terminal, "_kernel", terminal._Kernel())
