"""A headless Chromium: the system's own, or the one that Playwright fetched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync"]


def program() -> str | None:
    """Path of a browser, or None. Playwright is asked last: it takes a second."""
    return next(filter(None, map(shutil.which, _NAMES)), None) or _fetched()


def _fetched() -> str | None:
    try:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            path = playwright.chromium.executable_path
    except Exception:   # not installed, or its driver lacks a library on a bare machine
        return None
    return path if Path(path).exists() else None


@contextmanager
def open_browser(path: str, profile: Path) -> Iterator:
    """A browser window with an empty profile, closed at the end."""
    from playwright.sync_api import sync_playwright

    # Chromium's sandbox does not run as root.
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        window = playwright.chromium.launch_persistent_context(
            str(profile), executable_path=path, headless=True, args=_QUIET + as_root,
            locale="en-US", viewport={"width": 1400, "height": 900})
        try:
            yield window
        finally:
            window.close()
