"""Opens JupyterLab on a lesson: `python -m helpers.maintenance.lab NOTEBOOK`. It listens on loopback only, with a
token. Without a display it prints the address instead of opening a browser."""

import os
import sys
from pathlib import Path

from ..text import write


def command(notebook: str, environment: dict[str, str]) -> list[str]:
    """The command that opens JupyterLab on `notebook`."""
    path = Path(notebook).resolve()
    root = path.parents[1]
    words = [sys.executable, "-m", "jupyter", "lab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={root}",
             f"--LabApp.default_url=/lab/tree/{path.relative_to(root).as_posix()}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")
    has_display = sys.platform in ("darwin", "win32") or any(
        environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if not has_display:
        words.append("--no-browser")
    return words


def main() -> None:
    """Replace this process with JupyterLab."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.exit("usage: python -m helpers.maintenance.lab NOTEBOOK")
    words = command(sys.argv[1], dict(os.environ))
    if "--no-browser" in words:
        write("There is no display here: open the address below in a browser on this machine.\n"
              "From another machine, forward the port with `ssh -L 8888:127.0.0.1:8888`.")
    os.execv(words[0], words)


if __name__ == "__main__":
    main()
