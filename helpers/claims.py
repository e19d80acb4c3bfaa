"""The chapter's claims, and a run's verdict on each.

A lesson gives a verdict from its own measurements. Verdicts are kept in the learner's state folder, and the last lesson
shows them in a table.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from . import paths

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"

# The lesson that tests a claim, by the number its file starts with, and the claim in the course's words.
_CLAIMS = {
    "C1": ("01", "An image built in one stage ships compiler, build tools, source and binary."),
    "C2": ("01", "The compiler is not used again when the program runs."),
    "C3": ("02", "Only the last stage becomes the image."),
    "C4": ("02", "Every FROM starts with a new file system; nothing is carried over by itself."),
    "C5": ("03", "COPY --from is the only bridge between stages."),
    "C6": ("03", "A stage's name makes the Dockerfile clearer, not the image smaller."),
    "C7": ("03", "Numbers of stages are fragile."),
    "C8a": ("09", "A multi-stage image takes less room on the disk."),
    "C8b": ("09", "A multi-stage image is downloaded faster."),
    "C8c": ("09", "A multi-stage image starts faster."),
    "C9": ("06", "A multi-stage image is safer: no compiler, no shell, fewer tools."),
    "C10": ("08", "The pattern works for Go, Java, Node, Python, C and C++."),
    "C11": ("07", "A Node front end is built in one stage and served by nginx from another."),
    "C12": ("09", "Containers are ephemeral: they are rebuilt, not repaired."),
    "C13": ("10", "Multi-stage builds are reproducible and predictable."),
    "C14": ("12", "Copying the whole directory across brings along what should stay behind."),
    "C15": ("04", "After a build, the list of images shows only the last stage."),
    "C16": ("04", "--target builder gives the large image with the compiler."),
    "C17": ("04", "Stages are discarded by never being named; they stay as cache, which may go."),
    "C18": ("05", "Nothing is removed: a build of several stages has no step that deletes."),
    "C19": ("05", "COPY --from reads the stage, copies the file, and changes nothing there."),
    "C20": ("04", "There is no smart logic and no tracking of dependencies between stages."),
    "C21": ("05", "The final image is guaranteed to be clean."),
    "C22": ("06", "Fewer things in an image make a security audit simpler."),
    "C23": ("05", "A secret that was used in the builder stays in the builder."),
    "C24": ("12", "A stage that runs the tests gates the build."),
    "C25": ("08", "A compiler makes a program that needs nothing but a runtime."),
    "C26": ("11", "With several stages, fewer layers have to be built again."),
}
LESSONS = {claim: lesson for claim, (lesson, _) in _CLAIMS.items()}
CLAIMS = {claim: text for claim, (_, text) in _CLAIMS.items()}

# What the chapter recommends saying in an interview, in the course's words, and the claims behind each sentence.
SENTENCES = (
    ("Every stage has a file system of its own, and --target makes an image of it.", ("C4", "C16")),
    ("Only the last one gets the name, and only that one is shipped.", ("C3", "C15")),
    ("The compiler is in the builder and nowhere else.", ("C1", "C4", "C21")),
    ("It is not taken out: it was never brought in.", ("C18", "C5")),
    ("What nobody copies does not cross.", ("C5", "C14")),
    ("So the image is smaller, faster to ship and safer.", ("C8a", "C8b", "C9")),
    ("Build in one place, throw it away, run in a clean one.", ("C17", "C12", "C13")),
)

_WORDS = {"holds": "holds", "partly": "holds in part", "fails": "does not hold"}
_MARKS = {"holds": "✔", "partly": "◐", "fails": "✘"}


@dataclass(frozen=True)
class Verdict:
    """A run's verdict on a claim.

    found    'holds', 'partly' or 'fails'
    because  the measured evidence, as a sentence
    when     the date, '2026-11-24'
    engine   description of the engine in one line, or ''
    """

    claim: str
    found: str
    because: str
    when: str
    engine: str = ""

    @property
    def name(self) -> str:
        """'Claim 3' for 'C3'."""
        return f"Claim {self.claim.removeprefix('C')}"

    @property
    def words(self) -> str:
        """'holds', 'holds in part' or 'does not hold'."""
        return _WORDS[self.found]

    @property
    def mark(self) -> str:
        """A one-character symbol."""
        return _MARKS[self.found]

    def __repr__(self) -> str:
        return f"{self.name} {self.words}: {CLAIMS[self.claim]} {self.because}"


def verdict(claim: str, holds: bool, because: str, *, partly: bool = False, engine: str = "") -> Verdict:
    """Return and save the verdict on `claim`.

    `holds` is what was measured. `partly` says that even then the chapter's sentence claims too much. `engine`
    describes the engine in one line. Raises KeyError for an unknown claim.
    """
    if claim not in CLAIMS:
        raise KeyError(f"There is no claim {claim}; there are {', '.join(CLAIMS)}.")
    found = ("partly" if partly else "holds") if holds else "fails"
    given = Verdict(claim, found, because, date.today().isoformat(), engine)
    _keep(given)
    return given


def kept() -> dict[str, Verdict]:
    """The latest verdict on each claim that was tested here."""
    try:
        records = json.loads(_file().read_text())
        return {claim: Verdict(**record) for claim, record in records.items() if claim in CLAIMS}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}   # no file yet, or a damaged one, which the next verdict replaces


@dataclass(frozen=True)
class Lesson:
    """A lesson: its number, as '04', and its notebook's title and file name, '' if there is no notebook."""

    number: str
    title: str = ""
    file: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.title}".rstrip()


@dataclass(frozen=True)
class Standing:
    """A claim, its lesson, and the latest verdict or None."""

    claim: str
    lesson: Lesson
    verdict: Verdict | None

    @property
    def text(self) -> str:
        """The claim as a sentence."""
        return CLAIMS[self.claim]


class Standings(tuple[Standing, ...]):
    """The standing of every claim, in order."""

    __slots__ = ()

    @property
    def tested(self) -> tuple[Standing, ...]:
        """The claims with a verdict."""
        return tuple(each for each in self if each.verdict)

    @property
    def open(self) -> tuple[Standing, ...]:
        """The claims not tested here yet."""
        return tuple(each for each in self if not each.verdict)

    def of(self, claim: str) -> Standing:
        """The standing of one claim, by its key in CLAIMS. Raises StopIteration for an unknown one."""
        return next(each for each in self if each.claim == claim)


def standings(given: Mapping[str, Verdict] | None = None) -> Standings:
    """The standing of every claim, by the verdicts `given` or else the saved ones."""
    given = kept() if given is None else given
    known = {number: lesson(number) for number in {*LESSONS.values()}}
    return Standings(Standing(claim, known[LESSONS[claim]], given.get(claim)) for claim in CLAIMS)


@dataclass(frozen=True)
class Sentence:
    """A sentence for an interview, and the claims behind it."""

    text: str
    claims: tuple[Standing, ...]

    @property
    def found(self) -> str:
        """'holds' or 'fails' if all its claims do, else 'partly'; '' until all have a verdict."""
        verdicts = [each.verdict for each in self.claims if each.verdict]
        if len(verdicts) < len(self.claims):
            return ""
        kinds = {each.found for each in verdicts}
        return kinds.pop() if len(kinds) == 1 else "partly"

    @property
    def words(self) -> str:
        """The same in words."""
        return _WORDS[self.found] if self.found else "not tested yet"

    @property
    def mark(self) -> str:
        """A one-character symbol."""
        return _MARKS[self.found] if self.found else "·"


class Sentences(tuple[Sentence, ...]):
    """The sentences for an interview, in order."""

    __slots__ = ()


def sentences(given: Mapping[str, Verdict] | None = None) -> Sentences:
    """The sentences for an interview, with the standing of their claims."""
    known = standings(given)
    return Sentences(Sentence(text, tuple(map(known.of, claims))) for text, claims in SENTENCES)


def lesson(number: str) -> Lesson:
    """A lesson by its number, with the title in its notebook."""
    for path in sorted(NOTEBOOKS.glob(f"{number}-*.ipynb")):
        try:
            first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        except (OSError, ValueError, LookupError, TypeError):
            continue   # JupyterLab may be saving it right now
        return Lesson(number, first.partition("\n")[0].lstrip("# ").strip(), path.name)
    return Lesson(number)


def _file() -> Path:
    return paths.state() / "verdicts.json"


def _keep(given: Verdict) -> None:
    with paths.locked(paths.state() / "verdicts.lock"):
        records = {claim: asdict(each) for claim, each in kept().items()}
        records[given.claim] = asdict(given)
        paths.write_whole(_file(), json.dumps(records, indent=1).encode())
