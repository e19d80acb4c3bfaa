"""Builds and measures the course's main example in the terminal."""

from dataclasses import dataclass
from pathlib import Path

from ..bases import footnote
from ..builder import BuildResult, build, ensure_bases
from ..engine import Engine, backends, connect, discovery
from ..engine.processes import Report
from ..errors import NoEngine
from ..image import Image, inspect
from ..units import ratio, seconds, share, size

APP = Path(__file__).resolve().parents[2] / "notebooks" / "apps" / "go-hello"
_WIDTH = 56   # characters of the longest bar


@dataclass(frozen=True)
class Outcome:
    """Both images of the Go application, measured."""

    single: Image
    multi: Image
    results: tuple[BuildResult, BuildResult]

    def facts(self) -> dict[str, object]:
        """The content of `first-run --json`; sizes in bytes."""
        return {"images": [self.single.facts(), self.multi.facts()],
                "seconds": [round(result.seconds, 3) for result in self.results]}

    def __str__(self) -> str:
        one, two = self.single, self.multi
        saved = one.unpacked - two.unpacked
        lines = ["", _bar("one stage", one, one), _bar("two stages", two, one), "",
                 f"Two stages ship {ratio(one.unpacked, two.unpacked)} less. "
                 f"The difference of {size(saved)} consists of:",
                 f"  {size(one.base_bytes):>8}  {one.base}, with the compiler and its tools",
                 f"  {size(one.own_bytes):>8}  source, build cache and binary, left by the build",
                 f" -{size(two.base_bytes):>8}  {two.base}, the base of the two-stage image",
                 f" -{size(two.own_bytes):>8}  the binary, the only file copied from the builder"]
        note = footnote(base for result in self.results for base in result.bases)
        return "\n".join([*lines, "", note] if note else lines)


def _bar(name: str, image: Image, longest: Image) -> str:
    filled = max(1, round(_WIDTH * image.unpacked / longest.unpacked))
    return (f"{name:>10}  {'█' * filled:<{_WIDTH}}  {size(image.unpacked):>8}  "
            f"{share(image.unpacked, longest.unpacked)}")


def have_engine(report: Report) -> Engine:
    """The engine here, or else the course's own, installed and started if possible. Raises NoEngine and the engine's
    errors."""
    try:
        return connect(report=report)
    except NoEngine:
        if discovery.hidden() or not backends.install(report):
            raise
        return connect(report=report)


def first_run(report: Report) -> Outcome:
    """Find an engine, fetch the base images, build both ways and measure. Raises the errors of each."""
    engine = have_engine(report)
    report(engine.describe())
    for base in ensure_bases(engine, report=report):
        report(f"  {base.ref:<40} {base.origin}")
    results = []
    for name, dockerfile in (("single", "Dockerfile.single"), ("multi", "Dockerfile")):
        report(f"Building the Go application, {name} stage ...")
        result = build(APP, dockerfile=dockerfile, tag=f"go-hello:{name}", engine=engine)
        report(f"  {seconds(result.seconds)}{', all from the cache' if result.cached else ''}")
        results.append(result)
    report("Measuring ...")
    single, multi = (inspect(result.tag, engine) for result in results)
    return Outcome(single, multi, (results[0], results[1]))
