"""Run the engine in a folder until SIGTERM: `python -m helpers.engine.proot FOLDER`."""

import os
import signal
import sys
from pathlib import Path

from .. import proot_program as proot


def main(words: list[str]) -> int:
    """Serve in the folder until a signal comes. Returns the exit code."""
    found, why = proot.find()
    if found is None:
        sys.exit(why)
    from .api import Api, CourseEngine
    from .http import HttpServer
    from .processes import Processes

    folder = Path(words[0])
    os.umask(0o077)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    os.umask(0o022)   # for the files of build steps
    engine, address = CourseEngine(folder, lambda temporary: Processes(found, temporary)), folder / "small.sock"
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit())
    try:
        with HttpServer(str(address), type("Served", (Api,), {"engine": engine})) as server:
            (folder / "small.pid").write_text(str(os.getpid()))
            server.serve_forever()
    finally:
        address.unlink(missing_ok=True)
        engine.processes.end()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
