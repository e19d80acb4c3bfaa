"""A headless Chromium: the system's, or Playwright's."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync"]


def program() -> str | None:
    """Path of a browser, or None. Tries Playwright last, which takes a second."""
    return next(filter(None, map(shutil.which, _NAMES)), None) or _fetched()


def driver_runs() -> bool:
    """Whether Playwright's Node.js runs; it may lack a library on a minimal machine."""
    try:
        from playwright._impl._driver import compute_driver_executable

        return subprocess.run([compute_driver_executable()[0], "--version"],
                              capture_output=True).returncode == 0
    except (ImportError, OSError):
        return False


def _fetched() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if not driver_runs():
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


@contextmanager
def open_browser(path: str, profile: Path) -> Iterator:
    """A browser window with an empty profile."""
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
