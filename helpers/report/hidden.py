"""Files that a later layer hides: they are shipped, and no container sees them."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ..dockerfile import Instruction
from ..image import Unseen
from ..units import counted, size
from .context import ReportContext
from .model import WORTH, Finding, weight

# A package manager rewrites its own records each time: no mistake of the Dockerfile's.
_RECORDS = ("/var/lib/dpkg/", "/var/cache/debconf/", "/var/cache/ldconfig/", "/var/log/", "/etc/ld.so.cache",
            "/lib/apk/db/", "/usr/lib/apk/db/", "/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/var/lib/apt/")
_OWNERS, _MODES = re.compile(r"\bch(?:own|grp)\b"), re.compile(r"\bchmod\b")
_UPGRADES = re.compile(r"\b(?:apt-get|apt|apk|dnf|yum|microdnf|zypper)\b[^&|;]* (?:upgrade|dist-upgrade|full-upgrade|"
                       r"update)\b")
_ATTRIBUTES = "changes the owner or mode of"


def hidden(context: ReportContext) -> Iterator[Finding]:
    """Files of a line of the Dockerfile that a later one deletes, replaces or writes again.

    Evidence: the layers' own entries, their bytes counted. A file whose owner changes is stored a
    second time as a whole. Source: OCI image-spec, layer.md, "Whiteouts" and "Change types".
    """
    pairs: dict[tuple[int, int], list[tuple[str, Unseen]]] = {}
    for each in context.inventory.tree.unseen:
        if each.by in context.own and (each.deleted or _needlessly(context, each)):
            key = context.lines.line(each.layer), context.lines.line(each.by)
            pairs.setdefault(key, []).append((_happened(context, each), each))
    for (brings, hides), files in pairs.items():
        total = sum(each.size for _, each in files)
        if total < WORTH:
            continue
        weights: Counter[str] = Counter()
        for happened, each in files:
            weights[happened] += each.size
        happened = weights.most_common(1)[0][0]
        first = files[0][1]
        yield Finding(
            "hidden-files", weight(total, context.unpacked), brings,
            f"Line {hides} {happened} {counted(len(files), 'file')} that line {brings} "
            f"adds ({size(total)}, most of it in {_where([each for _, each in files])}).",
            "A later layer hides them, but the layer that holds them is still shipped and can be read.",
            _remedy((brings, hides), happened, context.lines.instruction(first.layer),
                    context.lines.instruction(first.by)), saves=total, also=(hides,) if hides != brings else ())


def _needlessly(context: ReportContext, each: Unseen) -> bool:
    """Whether a file was written again for no good reason. A package manager does so with
    its records; and package.json is copied before everything else is, for the cache's sake."""
    made = context.lines.instruction(each.by)
    return not each.path.startswith(_RECORDS) and not (made and made.copies_context)


def _happened(context: ReportContext, each: Unseen) -> str:
    """What the later layer does to the file."""
    if each.deleted:
        return "deletes"
    made = context.lines.instruction(each.by)
    now = context.files(each.by).get(each.path)
    if now is None:
        return "replaces"
    text = made.body if made and made.keyword == "RUN" else ""
    return _ATTRIBUTES if now == each.size and (_OWNERS.search(text) or _MODES.search(text)) else "rewrites"


def _remedy(lines: tuple[int, int], happened: str, brings: Instruction | None, hides: Instruction | None) -> str:
    """What to do about it, in the words of the two instructions; None: one of the base's."""
    line, later = lines
    if hides is None:
        return "The base's ONBUILD does this: choose another base."
    text = hides.body
    if brings is None:
        if happened == _ATTRIBUTES:
            return (f"In line {later}, name only the folders that the image adds: each file that is touched is stored "
                    "again.")
        if _UPGRADES.search(text):
            return "Choose a newer version of the base, which has the upgrades already."
        return "Choose a base that does not have them: nothing can be taken out of a base's layers."
    copied = brings.keyword in ("COPY", "ADD")
    if happened == _ATTRIBUTES:
        flags = " and ".join(flag for pattern, flag in ((_OWNERS, "--chown"), (_MODES, "--chmod"))
                             if pattern.search(text))
        return f"Set them on the way in: {brings.keyword} {flags} in line {line}." if copied else \
            f"Set them at the end of the RUN in line {line} itself: in a later RUN, each file is stored a second time."
    if copied and happened == "deletes":
        return (f"Do not copy them into the image: let line {later} mount them (RUN --mount=type=bind,source=...), or "
                "copy them into a stage that is not shipped.")
    if copied:
        return (f"Make the change in a stage that is not shipped, and copy the result once, in place of lines {line} "
                f"and {later}.")
    if happened == "deletes":
        return (f"Delete them at the end of the RUN in line {line} itself, or create them in a stage that is not "
                "shipped.")
    if hides.keyword == "RUN":
        return (f"Do both in one RUN, in line {line}, so that only the last version is stored; or in a stage that is "
                "not shipped.")
    return f"Keep the RUN in line {line} from making what line {later} copies over."


def _where(files: Sequence[Unseen]) -> str:
    """The folder that has most of them."""
    weights: Counter[str] = Counter()
    for each in files:
        weights["/".join(each.path.split("/")[:4]) if each.path.count("/") > 3
                else posixpath.dirname(each.path)] += each.size
    return weights.most_common(1)[0][0] or "/"
