"""FileSystems that nobody needs any more: out of the way at once, deleted beside the work.

An unpacked image has ten thousands of files, and a slow disk takes a minute to delete them.
"""

from __future__ import annotations

import os
import secrets
import threading
from pathlib import Path
from queue import SimpleQueue

from ... import paths


class Waste:
    """Where they lie until they are deleted: `folder`, on the disk that they are on."""

    def __init__(self, folder: Path):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._waiting: SimpleQueue[str] = SimpleQueue()
        for left in folder.iterdir():   # by an engine that was ended meanwhile
            self._waiting.put(str(left))
        threading.Thread(target=self._delete, daemon=True).start()

    def throw(self, place: str) -> None:
        """Take a file or tree away from `place`; nothing if there is none."""
        if os.path.lexists(place):
            target = str(self._folder / secrets.token_hex(8))
            os.rename(place, target)
            self._waiting.put(target)

    def _delete(self) -> None:
        while True:
            try:
                paths.remove(self._waiting.get())
            except OSError:
                continue   # it is left for the next engine
