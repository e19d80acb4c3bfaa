"""Fewer dots: drawing is what takes time in these tests."""

import pytest

from helpers.charts import style


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr(style, "_DPI", 30)
