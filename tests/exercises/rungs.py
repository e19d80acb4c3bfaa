"""Every submission of an exercise on an engine below Docker's: `python -m tests.exercises.rungs RUNG`.

The rungs of a session without privileges (`podman`, `podman-one-id`, `small`) run in a sandbox of tests/sandbox, with the
engine that the session starts and the bases of this machine's engine. `legacy` and `buildkit` are the builders of this
machine's engine.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

from helpers.builder import ensure_bases
from helpers.builder.host_secrets import host_secrets
from helpers.checks import find, names
from helpers.dockerfile import SCRATCH
from helpers.engine import Engine, connect
from helpers.engine.timeouts import patient
from tests.engines import suite
from tests.engines.suite import Outcome
from tests.sandbox.sandbox import HOME, Sandbox, sandbox

from . import table, test_exercises

SANDBOXES = {"small": "b", "podman-one-id": "hub", "podman": "ids"}   # {rung: the sandbox in which it is the first that works}
BUILDERS = ("legacy", "buildkit")
RUNGS = (*SANDBOXES, *BUILDERS)
TRUST = f"{HOME}/trust.pem"
_TESTS = "tests/exercises/test_exercises.py"
_LOAD = """
    import sys
    from helpers.engine import connect
    engine = connect()
    with open(sys.argv[1], "rb") as file, engine.translate_errors("load a base"):
        list(engine.client.api.load_image(file))
    had, ref = sys.argv[2:]    # a stand-in may have another name on the machine
    name, _, tag = ref.partition(":")
    if engine.matches_any_prefix and "." not in ref.partition("/")[0]:
        # To Podman a loaded short name is this machine's.
        engine.client.api.tag(had if "/" in had else "localhost/" + had, f"docker.io/library/{name}", tag or "latest")
    elif had != ref:
        engine.client.api.tag(had, name, tag or "latest")
"""


def bring(pod: Sandbox, refs: Sequence[str]) -> None:
    """Copy bases from the machine's engine into the session's."""
    for base in ensure_bases(pod.engine, [ref for ref in refs if ref != SCRATCH]):
        with tempfile.TemporaryDirectory(prefix="course-rungs-") as folder, pod.engine.translate_errors(f"hand on {base.ref}"):
            with open(Path(folder, "base.tar"), "wb") as file:
                for chunk in patient(pod.engine.client.api, 1800).get_image(base.name, chunk_size=1 << 20):
                    file.write(chunk)
            pod.put(Path(file.name), "base.tar")
        ran = pod.run(["python", "-c", textwrap.dedent(_LOAD), f"{HOME}/base.tar", base.name, base.ref])
        pod.run(["rm", f"{HOME}/base.tar"])
        if ran.exit_code:
            raise ValueError(f"{base.ref} was not loaded: {ran.output[-2000:]}")


def trust(pod: Sandbox) -> dict[str, str]:
    """Copy the certificates of this machine's builds into the session. Returns its environment."""
    lent = host_secrets(["trust"]).get("trust")
    if not lent:
        return {}
    with tempfile.NamedTemporaryFile() as file:
        file.write(lent.value)
        file.flush()
        pod.put(Path(file.name), Path(TRUST).name)
    return {"SSL_CERT_FILE": TRUST, "PIP_CERT": TRUST, "NODE_EXTRA_CA_CERTS": TRUST}


@contextlib.contextmanager
def session(engine: Engine, rung: str, exercises: Sequence[str],
            bases: Sequence[str] = ()) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """A session, and its environment. Its engine is of that rung, and has the bases of these exercises, or only `bases`."""
    with sandbox(engine, SANDBOXES[rung]) as pod:
        bring(pod, bases or list(dict.fromkeys(ref for name in exercises for ref in find(name).build.bases)))
        yield pod, trust(pod)


# The tests on another engine: every submission, without the legacy builder, and without the tests of the folders.
_ASKED = "(starter or sample_passes or right_one_passes or fails_with_its_reason) and not legacy"


def _chosen(exercises: Sequence[str], only: str) -> list[str]:
    """pytest's arguments for the tests of these exercises."""
    named = f"({' or '.join(exercises)}) and {_ASKED}"
    return ["-m", "pytest", "-q", "--tb=short", "--nightly", "-k", f"{named} and ({only})" if only else named, _TESTS]


def run(pod: Sandbox, environment: dict[str, str], exercises: Sequence[str], only: str = "") -> tuple[Outcome, ...]:
    """Run the tests of these exercises in a session. `only` is added to pytest's -k."""
    ran = pod.run(["python", *_chosen(exercises, only), "--junit-xml", f"{HOME}/report.xml"],
                  environment={"MULTISTAGE_REQUIRE_ENGINE": "1", **environment})
    report = pod.run(["cat", f"{HOME}/report.xml"])
    if report.exit_code:
        return (Outcome("", "", "failed", f"pytest ended without a report: {ran.output[-2000:]}"),)
    return suite.read(report.output)


def here(builder: str, exercises: Sequence[str], only: str = "") -> tuple[Outcome, ...]:
    """Run them with a builder of this machine's engine."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        subprocess.run([sys.executable, *_chosen(exercises, only), "--junit-xml", str(report)],
                       cwd=suite.ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr,
                       env=suite.environment(MULTISTAGE_REQUIRE_ENGINE="1", MULTISTAGE_EXERCISE_BUILDER=builder))
        return suite.read(report.read_text()) if report.exists() else (
            Outcome("", "", "failed", "pytest ended without a report"),)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.exercises.rungs", description=__doc__)
    parser.add_argument("rung", choices=RUNGS)
    parser.add_argument("exercises", nargs="*", metavar="EXERCISE", help="all, if none is named")
    parser.add_argument("--only", default="", metavar="EXPRESSION", help="added to pytest's -k")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/engines.md")
    chosen = parser.parse_args(arguments)
    wanted = [find(each).name for each in chosen.exercises] or names()
    failed = 0
    for name, outcomes, seconds in tested(chosen.rung, wanted, chosen.only):
        count = {kind: sum(each.ended == kind for each in outcomes) for kind in ("passed", "failed", "skipped")}
        _say(f"{name} on {chosen.rung}: {', '.join(f'{n} {kind}' for kind, n in count.items() if n)}; {seconds:.0f} s")
        _say(*(f"  {each.ended} {each.name}: {each.said}" for each in outcomes if each.ended != "passed"))
        failed += count["failed"]
        table.keep(name, chosen.rung, date.today().isoformat(), outcomes)
    written = table.written(table.read(), {name: tests(name) for name in names()}, RUNGS)
    _say(written)
    if chosen.docs:
        text = table.DOCS.read_text()
        table.DOCS.write_text(table.placed(text, table.merged(table.there(text), written, RUNGS)))
    return 1 if failed else 0


def tests(name: str) -> int:
    """The number of an exercise's tests on a rung: the starter, the sample, and each submission."""
    return 2 + sum(exercise == name for kind in ("right", "wrong") for exercise, _ in test_exercises.submissions(kind))


def tested(rung: str, exercises: Sequence[str], only: str = "") -> Iterator[tuple[str, tuple[Outcome, ...], float]]:
    """(exercise, outcomes of its tests, seconds). Exercises with the same bases share a session."""
    engine = connect()
    for _, group in groupby(exercises, lambda name: find(name).build.bases):
        with contextlib.ExitStack() as ends:
            names = list(group)
            if rung in SANDBOXES:
                pod, environment = ends.enter_context(session(engine, rung, names))
            for name in names:
                began = time.monotonic()
                outcomes = run(pod, environment, [name], only) if rung in SANDBOXES else here(rung, [name], only)
                yield name, outcomes, time.monotonic() - began


def _say(*sentences: str) -> None:
    for sentence in sentences:
        print(sentence, flush=True)


if __name__ == "__main__":
    sys.exit(main())
