"""While tests run, Go's standard library is compiled once for all builds on the course's own engine.

A net/http server takes half a minute of processor time from an empty cache, nearly all of it for the standard library,
and the tests build some seventy. As in a class (docs/class.md, "What all sessions share"), deploy/go-toolexec stands before the
compiler; what it keeps lies in the engine's folder, and the layers are the same. A `runc` that the engine finds before
the real one names it to containers that have Go. At night (--nightly) every build compiles everything itself.
"""

import shutil
from pathlib import Path

from helpers.engine import network

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
TOOLEXEC = DEPLOY / "go-toolexec"
# A mount point below /dev, which is a file system of each container's own, leaves nothing in a layer.
PLACE = "/dev/go-library"
_RUNC = """\
#!/bin/sh
[ -d /proc/{process} ] || exec {runc} "$@"    # the test run is over
GO_RUNTIME={runc} GO_FOLDER={folder} GO_PLACE={place} exec {folder}/crun "$@"
"""


def share(engine: Path, process: int) -> None:
    """Until the process ends, containers of the engine with this folder share what Go's compiler makes.

    What was compiled stays for the next run.
    """
    runc = shutil.which("runc", path=network.PATH)
    if not runc or not engine.is_dir():
        return
    (engine / "go" / "kept").mkdir(parents=True, exist_ok=True)
    (engine / "go" / "kept").chmod(0o1777)    # a build may run as any user
    (engine / "bin").mkdir(exist_ok=True)
    for program in ("toolexec", "crun"):
        _put(engine / "go" / program, (DEPLOY / f"go-{program}").read_text(), process)
    _put(engine / "bin" / "runc", _RUNC.format(process=process, runc=runc, place=PLACE, folder=engine / "go"), process)


def _put(place: Path, text: str, process: int) -> None:
    """Write a program that a build may be running right now."""
    new = place.with_name(f"{place.name}.{process}")
    new.write_text(text)
    new.chmod(0o755)
    new.replace(place)
