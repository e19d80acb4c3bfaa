"""The chapter's claims, and what a run found of each.

A lesson gives a verdict from what it has just measured; it is kept in the
learner's own folder, and the last lesson shows all of them in one table.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from . import paths

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"

# In the course's words. The lesson that owns a claim puts it to the test.
CLAIMS = {
    "C1": "An image built in one stage ships compiler, build tools, source and binary.",
    "C2": "The compiler is not used again when the program runs.",
    "C3": "Only the last stage becomes the image.",
    "C4": "Every FROM starts with a new file system; nothing is carried over by itself.",
    "C5": "COPY --from is the only bridge between stages.",
    "C6": "A stage's name makes the Dockerfile clearer, not the image smaller.",
    "C7": "Numbers of stages are fragile.",
    "C8a": "A multi-stage image takes less room on the disk.",
    "C8b": "A multi-stage image is downloaded faster.",
    "C8c": "A multi-stage image starts faster.",
    "C9": "A multi-stage image is safer: no compiler, no shell, fewer tools.",
    "C10": "The pattern works for Go, Java, Node, Python, C and C++.",
    "C11": "A Node front end is built in one stage and served by nginx from another.",
    "C12": "Containers are ephemeral: they are rebuilt, not repaired.",
    "C13": "Multi-stage builds are reproducible and predictable.",
    "C14": "Copying the whole directory across brings along what should stay behind.",
    "C15": "After a build, the list of images shows only the last stage.",
    "C16": "--target builder gives the large image with the compiler.",
    "C17": "Stages are discarded by never being named; they stay as cache, which may go.",
    "C18": "Nothing is removed: a build of several stages has no step that deletes.",
    "C19": "COPY --from reads the stage, copies the file, and changes nothing there.",
    "C20": "There is no smart logic and no tracking of dependencies between stages.",
    "C21": "The final image is guaranteed to be clean.",
    "C22": "Fewer things in an image make a security audit simpler.",
    "C23": "A secret that was used in the builder stays in the builder.",
    "C24": "A stage that runs the tests gates the build.",
    "C25": "A compiler makes a program that needs nothing but a runtime.",
    "C26": "With several stages, fewer layers have to be built again.",
}

# The lesson that gives the verdict on a claim, by the number that its file begins with.
LESSONS = {
    "C1": "01", "C2": "01", "C3": "02", "C4": "02", "C5": "03", "C6": "03", "C7": "03", "C8a": "09", "C8b": "09",
    "C8c": "09", "C9": "06", "C10": "08", "C11": "07", "C12": "09", "C13": "10", "C14": "12", "C15": "04",
    "C16": "04", "C17": "04", "C18": "05", "C19": "05", "C20": "04", "C21": "05", "C22": "06", "C23": "05",
    "C24": "12", "C25": "08", "C26": "11"}

# What the chapter would have one say in an interview, in the course's words, and the
# claims that each sentence stands on.
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
    """What a run found of a claim.

    found    'holds', 'partly' or 'fails'
    because  the evidence, in a sentence made from what was measured
    when     the date, '2026-11-24'
    engine   that it was measured on, in one line; '' if it was not said
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
        """A sign for it: one character."""
        return _MARKS[self.found]

    def __repr__(self) -> str:
        return f"{self.name} {self.words}: {CLAIMS[self.claim]} {self.because}"


def verdict(claim: str, holds: bool, because: str, *, partly: bool = False, engine: str = "") -> Verdict:
    """Give and keep the verdict on `claim`.

    `holds` is the measurement itself. `partly` says that even if it holds, the chapter's sentence is wider than what is
    true. `engine` is the one that it was measured on, in one line. Raises KeyError for no claim of the chapter.
    """
    if claim not in CLAIMS:
        raise KeyError(f"There is no claim {claim}; there are {', '.join(CLAIMS)}.")
    found = ("partly" if partly else "holds") if holds else "fails"
    given = Verdict(claim, found, because, date.today().isoformat(), engine)
    _keep(given)
    return given


def kept() -> dict[str, Verdict]:
    """The newest verdict on each claim that was put to the test here."""
    try:
        records = json.loads(_file().read_text())
        return {claim: Verdict(**record) for claim, record in records.items() if claim in CLAIMS}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}   # none yet, or not as we write it: the next verdict replaces it


@dataclass(frozen=True)
class Lesson:
    """A lesson as the table names it."""

    number: str    # as its file begins: '04'
    title: str = ""    # as its notebook has it, '' if it is not here
    file: str = ""    # the notebook's name, '' if it is not here

    def __str__(self) -> str:
        return f"{self.number} {self.title}".rstrip()


@dataclass(frozen=True)
class Standing:
    """Where a claim stands: its lesson, and the newest verdict, None if nobody gave one."""

    claim: str
    lesson: Lesson
    verdict: Verdict | None

    @property
    def text(self) -> str:
        """The claim as a sentence."""
        return CLAIMS[self.claim]


class Standings(tuple[Standing, ...]):
    """Every claim in order, and where it stands."""

    __slots__ = ()

    @property
    def tested(self) -> tuple[Standing, ...]:
        """Those that have a verdict."""
        return tuple(each for each in self if each.verdict)

    @property
    def open(self) -> tuple[Standing, ...]:
        """The claims that no lesson has tested here yet."""
        return tuple(each for each in self if not each.verdict)

    def of(self, claim: str) -> Standing:
        """How one claim stands, by its key in CLAIMS. Raises StopIteration for another."""
        return next(each for each in self if each.claim == claim)


def standings(given: Mapping[str, Verdict] | None = None) -> Standings:
    """Every claim with what was found here, `given` or else what is kept."""
    given = kept() if given is None else given
    known = {number: lesson(number) for number in {*LESSONS.values()}}
    return Standings(Standing(claim, known[LESSONS[claim]], given.get(claim)) for claim in CLAIMS)


@dataclass(frozen=True)
class Sentence:
    """A sentence for an interview, and the claims that it stands on.

    found  the weakest of their verdicts; '' while one of them is open
    """

    text: str
    claims: tuple[Standing, ...]

    @property
    def found(self) -> str:
        """'holds', 'fails' or 'partly': what its claims come to; '' until all have a verdict."""
        verdicts = [each.verdict for each in self.claims if each.verdict]
        if len(verdicts) < len(self.claims):
            return ""
        # A sentence that joins what holds with what does not is true in part.
        kinds = {each.found for each in verdicts}
        return kinds.pop() if len(kinds) == 1 else "partly"

    @property
    def words(self) -> str:
        """The same in words."""
        return _WORDS[self.found] if self.found else "not tested yet"

    @property
    def mark(self) -> str:
        """The same as one character."""
        return _MARKS[self.found] if self.found else "·"


class Sentences(tuple[Sentence, ...]):
    """The sentences for an interview, in order."""

    __slots__ = ()


def sentences(given: Mapping[str, Verdict] | None = None) -> Sentences:
    """The sentences for an interview, each with what the experiments say of it."""
    known = standings(given)
    return Sentences(Sentence(text, tuple(map(known.of, claims))) for text, claims in SENTENCES)


def lesson(number: str) -> Lesson:
    """The lesson of that number, with the title that its notebook gives itself."""
    for path in sorted(NOTEBOOKS.glob(f"{number}-*.ipynb")):
        try:
            first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        except (OSError, ValueError, LookupError, TypeError):
            continue   # half saved: JupyterLab is at work in this folder
        return Lesson(number, first.partition("\n")[0].lstrip("# ").strip(), path.name)
    return Lesson(number)


def _file() -> Path:
    return paths.state() / "verdicts.json"


def _keep(given: Verdict) -> None:
    with paths.locked(paths.state() / "verdicts.lock"):
        records = {claim: asdict(each) for claim, each in kept().items()}
        records[given.claim] = asdict(given)
        paths.write_whole(_file(), json.dumps(records, indent=1).encode())
