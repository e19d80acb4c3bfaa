"""The benchmark: `python -m tests.bench FILE` (or `make bench`).

Each comparison runs its two sides alternately in one session, after a warm-up,
and reports every run, the medians and the ratio of the medians. Nothing here
passes or fails; the figures go to a JSON file and a table.
"""

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from helpers import paths
from helpers.builder import build
from helpers.checks import check, find
from helpers.engine import Engine, connect
from helpers.image import Tree
from helpers.image.byte_stream import ByteStream
from helpers.image.scan import scan
from helpers.inventory import inventory
from helpers.lesson import APPS

from . import bench_buildkit, bench_site
from .measuring import against, alone, command, docker, timed

COLD, WARM, QUICK = 3, 15, 10   # runs of a side
TAG = "course-bench:1"
FIRST_CHART = ("from helpers.lesson import *",
               'single = build("go-hello", "Dockerfile.single", tag="go-hello:single")',
               "charts.sizes([inspect(single)])")


def main(path: str) -> None:
    engine = connect()
    figures = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(),
                    "engine": engine.describe()},
        "results": [],
    }
    for measure in (import_helpers, first_chart, cached_build, cached_build_as_process,
                    cold_build, large_context, inventory_cold, inventory_and_syft, inventory_known,
                    inventory_on_known_base, million_entries, check_warm, check_edited, check_refused,
                    *bench_buildkit.MEASURES, *bench_site.MEASURES):
        print(f"{measure.__name__} ...", file=sys.stderr, flush=True)
        figures["results"].append(measure(engine))
        Path(path).write_text(json.dumps(figures, indent=1) + "\n")
    print(table(figures["results"]))


def table(results: list[dict]) -> str:
    """Medians and ratios, a row a measurement."""
    rows = [f"{'what':<44} {'ours':>10} {'other':>10} {'ratio':>7}"]
    for result in results:
        other = result.get("other")
        rows.append(f"{result['what']:<44} {_figure(result, 'ours'):>10} "
                    f"{_figure(result, 'other') if other else '-':>10} "
                    f"{result['ratio'] if other else '-':>7}")
    return "\n".join(rows)


def _figure(result: dict, side: str) -> str:
    return f"{result[side]['median']:.3g} {result['unit']}"


def _docker_build(engine: Engine, *options: str) -> Callable[[], None]:
    return command(docker(), "build", "--quiet", "--tag", TAG, *options, str(APPS / "go-hello"),
                    DOCKER_BUILDKIT="1", DOCKER_HOST=engine.host)


# -- what is measured --------------------------------------------------------------------

def import_helpers(engine: Engine) -> dict:
    """`import helpers`, less what an empty interpreter takes."""
    empty, ours = (command(sys.executable, "-c", code) for code in ("pass", "import helpers"))
    return against("import helpers, against an empty Python", ours, empty, QUICK)


def first_chart(engine: Engine) -> dict:
    """From starting a kernel to the first chart of lesson 01, everything cached."""
    import nbformat
    from nbclient import NotebookClient

    def run() -> None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in FIRST_CHART])
        NotebookClient(notebook, kernel_name="python3").execute()
        assert "text/html" in notebook.cells[-1].outputs[0].data
    run()
    return alone("kernel start to the first chart, cached", [timed(run) for _ in range(5)])


def cached_build(engine: Engine) -> dict:
    return against("fully cached build in a kernel, against docker build",
                    lambda: build(APPS / "go-hello", tag=TAG, engine=engine),
                    _docker_build(engine), WARM)


def cached_build_as_process(engine: Engine) -> dict:
    ours = command(sys.executable, "-m", "helpers", "build", str(APPS / "go-hello"), "-t", TAG)
    return against("the same as a process", ours, _docker_build(engine), WARM)


def cold_build(engine: Engine) -> dict:
    """Every step runs: the Go compiler is at work nearly all of the time."""
    return against("cold build, against docker build",
                    lambda: build(APPS / "go-hello", tag=TAG, no_cache=True, engine=engine),
                    _docker_build(engine, "--no-cache"), COLD)


def large_context(engine: Engine) -> dict:
    """Memory of a process that sends a context of 2 GB."""
    script = ("import sys; from helpers.builder import build\n"
              "build(sys.argv[1], text='FROM scratch\\nCOPY small /\\n', context_limit=None)\n"
              "print(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])")
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        Path(folder, "small").write_text("x")
        with open(Path(folder, "large"), "wb") as file:
            block = os.urandom(1 << 20)
            for _ in range(2000):
                file.write(block)
        peaks = []
        for _ in range(3):
            done = subprocess.run([sys.executable, "-c", script, folder], check=True,
                                  capture_output=True, text=True)
            peaks.append(int(done.stdout) / 1000)
    return alone("peak memory, a context of 2 GB", peaks, "MB")


# -- inventories -------------------------------------------------------------------------

LARGE, SMALL_APP = "golang:1.22", "course-bench:1"


@contextlib.contextmanager
def _empty_cache():
    """Nothing is known of any layer while the block lasts."""
    known = paths.cache
    with tempfile.TemporaryDirectory() as folder:
        paths.cache = lambda: Path(folder)
        try:
            yield
        finally:
            paths.cache = known


def _cold(engine: Engine, image: str = LARGE) -> Callable[[], None]:
    def run() -> None:
        with _empty_cache():
            inventory(engine.client.images.get(image).id, engine)
    return run


def _saved(engine: Engine, image: str = LARGE) -> Callable[[], None]:
    """`docker save IMAGE > /dev/null`"""
    return command(docker(), "save", image, DOCKER_HOST=engine.host)


def inventory_cold(engine: Engine) -> dict:
    """Nothing is known: the whole image is read. Bound: 1.15."""
    return against(f"inventory of {LARGE}, cold, against docker save", _cold(engine), _saved(engine), 7)


def inventory_and_syft(engine: Engine) -> dict:
    """Bound: a third."""
    syft = shutil.which("syft", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    other = command(syft, "scan", f"docker:{LARGE}", "-o", "json", DOCKER_HOST=engine.host,
                     SYFT_CHECK_FOR_APP_UPDATE="false")
    return against(f"inventory of {LARGE}, cold, against syft", _cold(engine), other, COLD)


def inventory_known(engine: Engine) -> dict:
    """Every layer was read before. Bound: 0.1 s."""
    inventory(LARGE, engine)
    return alone(f"inventory of {LARGE}, layers known", [timed(lambda: inventory(LARGE, engine))
                                                          for _ in range(WARM)])


def inventory_on_known_base(engine: Engine) -> dict:
    """A new two-stage image; its base was read before. Aim: under 1 s."""
    def run() -> float:
        build(APPS / "go-hello", tag=SMALL_APP, engine=engine, args={"NOW": str(time.time_ns())},
              text=(APPS / "go-hello" / "Dockerfile").read_text() + "ARG NOW\nCOPY --from=builder /app/main.go /$NOW\n")
        return timed(lambda: inventory(SMALL_APP, engine))
    inventory("gcr.io/distroless/base-debian12", engine)
    return alone("inventory of a new two-stage image", [run() for _ in range(QUICK)])


def million_entries(engine: Engine) -> dict:
    """A layer of a million entries against one of a hundred thousand: 10 is linear."""
    from tests.unit.layers import headers

    def side(count: int) -> Callable[[], None]:
        return lambda: Tree([scan(ByteStream(headers(count)))])
    return against("a million entries, against 100,000", side(1_000_000), side(100_000), COLD)


# -- exercises ---------------------------------------------------------------------------

EXERCISE = "01-split-the-stage"


def check_warm(engine: Engine) -> dict:
    """From Enter to the verdict on the sample, its source with another word each time.
    Bound: 3 s."""
    exercise = find(EXERCISE)
    return alone("check of a Go exercise, passed", _checks(engine, [
        (exercise.folder / "solution" / "Dockerfile").read_text()] * (QUICK + 1)))


def check_edited(engine: Engine) -> dict:
    """The same where the last stage was changed since. Bound: 3 s."""
    text = (find(EXERCISE).folder / "solution" / "Dockerfile").read_text()
    return alone("check of a Go exercise, edited, passed", _checks(engine, [
        f"{text}ENV NOW={time.time_ns()}-{number}\n" for number in range(QUICK + 1)]))


def _checks(engine: Engine, texts: list[str]) -> list[float]:
    verdicts = [check(find(EXERCISE), text=text, engine=engine) for text in texts]
    assert all(verdict.passed for verdict in verdicts)
    return [verdict.seconds for verdict in verdicts[1:]]


def check_refused(engine: Engine) -> dict:
    """`python -m helpers check` on a wrong Dockerfile, to the end of the process. Bound: 1 s."""
    words = [sys.executable, "-m", "helpers", "check", EXERCISE, "--dockerfile", str(find(EXERCISE).starter)]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "MULTISTAGE_PROGRESS": str(Path(folder, "progress.json"))}

        def run() -> None:
            done = subprocess.run(words, env=environment, capture_output=True)
            assert done.returncode == 1, done.stderr
        return alone("a wrong Dockerfile refused, as a process", [timed(run) for _ in range(QUICK)])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "bench.json")
