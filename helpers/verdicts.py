"""The chapter's claims, and what a run found of each.

A lesson gives a verdict from what it has just measured; it is kept in the
learner's own folder, and the last lesson shows all of them in one table.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from . import places

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

_WORDS = {"holds": "holds", "partly": "holds in part", "fails": "does not hold"}
_MARKS = {"holds": "✔", "partly": "◐", "fails": "✘"}


@dataclass(frozen=True)
class Verdict:
    """What a run found of a claim.

    found    'holds', 'partly' or 'fails'
    because  the evidence, in a sentence made from what was measured
    """

    claim: str
    found: str
    because: str
    when: str

    @property
    def name(self) -> str:
        """'Claim 3' for 'C3'."""
        return f"Claim {self.claim.removeprefix('C')}"

    def __repr__(self) -> str:
        return f"{self.name} {_WORDS[self.found]}: {CLAIMS[self.claim]} {self.because}"

    def _repr_html_(self) -> str:
        import html

        return (f"<p><b><span aria-hidden='true'>{_MARKS[self.found]}</span> "
                f"{self.name} {_WORDS[self.found]}.</b> {html.escape(CLAIMS[self.claim])}<br>"
                f"{html.escape(self.because)}</p>")


def verdict(claim: str, holds: bool, because: str, *, partly: bool = False) -> Verdict:
    """Give and keep the verdict on `claim`.

    `holds` is the measurement itself. `partly` says that even if it holds, the
    chapter's sentence is wider than what is true.
    """
    if claim not in CLAIMS:
        raise KeyError(f"There is no claim {claim}; there are {', '.join(CLAIMS)}.")
    found = ("partly" if partly else "holds") if holds else "fails"
    given = Verdict(claim, found, because, date.today().isoformat())
    _keep(given)
    return given


def kept() -> dict[str, Verdict]:
    """The newest verdict on each claim that was put to the test here."""
    try:
        records = json.loads(_file().read_text())
        return {claim: Verdict(**record) for claim, record in records.items() if claim in CLAIMS}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}   # none yet, or not as we write it: the next verdict writes it anew


def _file() -> Path:
    return places.state() / "verdicts.json"


def _keep(given: Verdict) -> None:
    with places.locked(places.state() / "verdicts.lock"):
        records = {claim: asdict(each) for claim, each in kept().items()}
        records[given.claim] = asdict(given)
        places.write_whole(_file(), json.dumps(records, indent=1).encode())
