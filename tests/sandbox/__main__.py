"""Run the course in sandboxes: `python -m tests.sandbox [a] [hub] [b] [c]`, or `make sandbox`.

In each sandbox the Go application is built, and the first lessons run under nbval. The
last lines say, one a sandbox: which rung answered, what was built for real, in what time
against this machine's own engine, measured in the same command.
"""

import json
import re
import sys

from helpers.engine import Engine, connect
from helpers.units import seconds

from . import inside
from .sandbox import Sandbox, sandbox

LESSONS = ("00-is-everything-ready", "01-one-stage", "02-two-stages", "06-smaller-and-safer")
CELL_SECONDS = 600
# What answers where the session allows no more. Another rung is another result: then the command says no.
RUNGS = {"a": "small", "hub": "podman-one-id", "ids": "podman", "b": "small", "c": "small"}
_COUNTS = re.compile(r"(\d+) (passed|failed|error|xfailed)")
_SUMMARY = re.compile(r"\d+ \w+.* in [\d.]+s")


def lessons(pod: Sandbox, names=LESSONS) -> dict[str, dict[str, int]]:
    """Run lessons under nbval in a sandbox: {lesson: {'passed': cells, 'failed': cells, ...}}.
    What pytest printed of a lesson that did not pass goes to standard error."""
    found = {}
    for name in names:
        ran = pod.run(["python", "-m", "pytest", "-q", "--nbval", "--nbval-current-env",
                       f"--nbval-cell-timeout={CELL_SECONDS}", f"notebooks/{name}.ipynb"])
        found[name] = counts(ran.output)
        if ran.exit_code:
            print(ran.output[-6000:], file=sys.stderr)
            found[name].setdefault("failed", 1)
    return found


def counts(output: str) -> dict[str, int]:
    """What pytest's summary line counts: {'passed': 12, 'failed': 1}; {} where there is none."""
    summary = next(filter(_SUMMARY.search, reversed(output.splitlines())), "")
    return {what: int(count) for count, what in _COUNTS.findall(summary)}


def passed(cells: dict[str, dict[str, int]]) -> bool:
    """Whether every lesson ran, and no cell of one failed."""
    return all(counts.get("passed") and not counts.keys() & {"failed", "error", "xfailed"} for counts in cells.values())


def told(pod: Sandbox) -> dict[str, object]:
    """What `inside` says in a sandbox. Raises ValueError with its output if that is no JSON."""
    ran = pod.run(["python", "-m", "tests.sandbox.inside"])
    try:
        return json.loads(ran.output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise ValueError(f"tests.sandbox.inside said: {ran.output[-3000:]}") from None


def line(kind: str, there: dict, here: dict, cells: dict[str, dict[str, int]]) -> str:
    """The one line of a sandbox."""
    built = " and ".join(there["built"])
    times = [f"{what}: {seconds(there['seconds'][what])}, {there['seconds'][what] / here['seconds'][what]:.1f} times "
             f"the plain engine's {seconds(here['seconds'][what])}" for what in there["built"]]
    ran = [name[:2] for name, counts in cells.items() if passed({name: counts})]
    work = f"built for real: {'; '.join(times)}" if built else f"nothing built ({there.get('error', {}).get('what', '')})"
    ready = f", ready in {seconds(sum(there['seconds'].get(what, 0) for what in ('start', 'load')))}" if built else ""
    return (f"({kind}) rung {there['rung'] or 'none'}{', ' + there['store'] if there['store'] else ''}{ready}: {work}. "
            f"Lessons that ran: {', '.join(ran) or 'none'} of {', '.join(name[:2] for name in cells)}.")


def main(kinds: list[str]) -> int:
    engine: Engine = connect()
    print(f"The plain engine: {engine.describe()}", file=sys.stderr, flush=True)
    here = inside.story()
    if "error" in here:
        print(f"The plain engine could not build, so there is nothing to compare with.\n{here['error']['message']}", file=sys.stderr)
        return 1
    lines, good = [], True
    for kind in kinds:
        with sandbox(engine, kind) as pod:
            print(f"Sandbox ({kind}) ...", file=sys.stderr, flush=True)
            there = told(pod)
            print(json.dumps(there), file=sys.stderr, flush=True)
            cells = lessons(pod)
            print(json.dumps(cells), file=sys.stderr, flush=True)
        lines.append(line(kind, there, here, cells))
        good = good and there["rung"] == RUNGS[kind] and "error" not in there and passed(cells)
    print("\n".join(lines))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["a", "hub", "b", "c"]))
