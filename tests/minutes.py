"""How long each lesson takes: `python -m tests.minutes`.

Its text at 200 words a minute, a minute for each question and half a minute for each prediction, and the builds of the
kept run, as the lesson itself shows their times. Looking at tables and figures, and trying things out, come on top.
"""

import json
import re
import sys
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
WORDS, QUESTION, PREDICTION = 200, 1.0, 0.5    # words a minute; minutes each
_BUILT = re.compile(r"built in (?:(\d+) min )?([\d.]+) (ms|s)")
_STATED = re.compile(r"^\*(\d+) minutes", re.M)


def estimated(path: Path) -> float:
    """Minutes that a lesson takes at least."""
    cells = json.loads(path.read_text())["cells"]
    text = {kind: "\n".join("".join(each["source"]) for each in cells if each["cell_type"] == kind)
            for kind in ("markdown", "code")}
    shown = "".join("".join(output.get("data", {}).get("text/html", "")) for each in cells for output in each.get("outputs", ()))
    building = sum(60 * int(minutes or 0) + float(count) * (0.001 if unit == "ms" else 1)
                   for minutes, count, unit in _BUILT.findall(shown))
    return (len(text["markdown"].split()) / WORDS + QUESTION * text["code"].count("ask(")
            + PREDICTION * text["code"].count("predict(") + building / 60)


def stated(path: Path) -> int:
    """The minutes in a lesson's head."""
    first = "".join(json.loads(path.read_text())["cells"][0]["source"])
    return int(_STATED.findall(first)[0])


def main() -> None:
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        print(f"{path.stem:<24} {estimated(path):5.1f} of {stated(path)} minutes", file=sys.stdout)


if __name__ == "__main__":
    main()
