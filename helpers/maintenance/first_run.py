"""The course's main example, built once in the terminal before a class begins."""

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
                 f"The difference of {size(saved)} is made of:",
                 f"  {size(one.base_bytes):>8}  {one.base}, with the compiler and its tools",
                 f"  {size(one.own_bytes):>8}  source, build cache and binary, left by the build",
                 f" -{size(two.base_bytes):>8}  {two.base}, which two stages stand on",
                 f" -{size(two.own_bytes):>8}  the binary, the one thing that crossed over"]
        note = footnote(base for result in self.results for base in result.bases)
        return "\n".join([*lines, "", note] if note else lines)


def _bar(name: str, image: Image, longest: Image) -> str:
    filled = max(1, round(_WIDTH * image.unpacked / longest.unpacked))
    return (f"{name:>10}  {'█' * filled:<{_WIDTH}}  {size(image.unpacked):>8}  "
            f"{share(image.unpacked, longest.unpacked)}")


def have_engine(report: Report) -> Engine:
    """An engine that answers: the one there is, else one of the course, installed and started
    if that is possible here. Raises NoEngine and the engine's errors."""
    try:
        return connect(report=report)
    except NoEngine:
        if discovery.hidden() or not backends.install(report):
            raise
        return connect(report=report)


def first_run(report: Report) -> Outcome:
    """Find an engine, fetch the bases, build both ways, measure."""
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
