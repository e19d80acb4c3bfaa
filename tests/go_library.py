"""While tests run, Go's standard library is compiled once for all builds on the course's own engine.

A net/http server takes half a minute of processor time from an empty cache, nearly all of it for the standard library,
and the tests build some seventy. As in a class (docs/class.md, "What all share"), deploy/go-toolexec stands before the
compiler; what it keeps lies in the engine's folder, and the layers are the same. A `runc` that the engine finds before
the real one names it to containers that have Go. At night (--nightly) every build compiles everything itself.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from helpers.engine import network

TOOLEXEC = Path(__file__).resolve().parents[1] / "deploy" / "go-toolexec"
# A mount point below /dev, which is a file system of each container's own, leaves nothing in a layer.
PLACE = "/dev/go-library"
_RUNC = r"""#!/bin/sh
[ -d /proc/{process} ] || exec {runc} "$@"    # the test run is over
last='' bundle=''
for word; do
  case $last in --bundle|-b) bundle=$word ;; esac
  last=$word
done
config=$bundle/config.json
root=$(sed -n 's/.*"root":{{"path":"\([^"]*\)".*/\1/p' "$config" 2>/dev/null)
if [ -n "$root" ] && [ -x "$root/usr/local/go/bin/go" ] && ! grep -q '"GOFLAGS=' "$config"; then
  mount='{{"destination":"{place}","type":"bind","source":"{folder}","options":["rbind","rw"]}}'
  sed -i -e 's|"env":\[|&"GOFLAGS=-toolexec={place}/toolexec",|' \
    -e 's|{{"destination":"/dev/pts"|'"$mount"',&|' "$config"
fi
exec {runc} "$@"
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
    shutil.copy(TOOLEXEC, engine / "go" / "toolexec")
    (engine / "bin").mkdir(exist_ok=True)
    text = _RUNC.format(process=process, runc=runc, place=PLACE, folder=engine / "go")
    new = engine / "bin" / f"runc.{process}"
    new.write_text(text)
    new.chmod(0o755)
    new.replace(engine / "bin" / "runc")
