"""The theme's icons, less the two thousand that no page shows: 1.5 MB of each page's 2.3."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

_USED = re.compile(r"\bfa-([a-z0-9-]+)")
# name: [width, height, [other names], "code point", "path" or ["path", "path"]],
_ICON = re.compile(r'"?([\w-]+)"?:\[[\d.]+,[\d.]+,\[([^\]]*)\],"[0-9a-f]*",(?:"[^"]*"|\[(?:"[^"]*",?)*\])\],?')


def trim(app: Sphinx, error: Exception | None) -> None:
    """Take the icons that are not used out of the script that draws them."""
    script = Path(app.outdir) / "_static" / "scripts" / "fontawesome.js"
    if error is None and script.is_file():
        others = [path for path in Path(app.outdir).rglob("*") if path.suffix in (".html", ".js") and path != script]
        used = {name for path in others for name in _USED.findall(path.read_text(encoding="utf-8"))}
        script.write_text(without(script.read_text(encoding="utf-8"), used), encoding="utf-8")


def without(script: str, used: set[str]) -> str:
    """The script with those icons alone, by any of their names."""
    return _ICON.sub(lambda icon: icon[0] if used & {icon[1], *re.findall(r'"([\w-]+)"', icon[2])} else "", script)
