"""An image, images as `docker images` lists them, and records of the build cache."""

from __future__ import annotations

from collections.abc import Sequence

from ..builder.cache import Record
from ..experiments.languages import HEADS, Languages
from ..experiments.variants import Absent
from ..image import Image
from ..maintenance.doctor import Diagnosis
from ..registry import IndexEntry
from ..text import escape, one_line
from ..units import counted, size
from .markup import code, paragraph, table

_WIDTH = 64   # characters of a record's description that are shown


class Images(tuple):
    """Pairs of a line of `docker images` and the image, measured."""

    __slots__ = ()

    @property
    def names(self) -> list[str]:
        """The names, without those lines that have none."""
        return [line.name for line, _ in self if not line.dangling]

    @property
    def dangling(self) -> list[Image]:
        """The images without a name."""
        return [image for line, image in self if line.dangling]

    def only(self, *names: str) -> Images:
        """The lines with these names, in this order."""
        return Images(pair for name in names for pair in self if pair[0].name == name)

    def _rows(self) -> list[tuple[str, str, str]]:
        return [(line.name, line.id.removeprefix("sha256:")[:12], size(image.unpacked)) for line, image in self]

    def __repr__(self) -> str:
        return "\n".join(f"{name:<28} {id_:<14} {bytes_:>8}" for name, id_, bytes_ in self._rows()) or "no images"

    def _repr_html_(self) -> str:
        rows = [(code(name), code(id_), bytes_) for name, id_, bytes_ in self._rows()]
        if not rows:
            return "<p>no images</p>"
        return table(("image", "id", "unpacked"), rows, counted(len(self), "image"), right=(2,))


class Published(tuple):
    """What a name in a registry leads to: images, and attestations about them."""

    __slots__ = ()

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(each.platform or "no platform", _stated(each), each.digest.removeprefix("sha256:")[:12],
                 size(each.size)) for each in self]

    def __repr__(self) -> str:
        return "\n".join(f"{platform:<16} {what:<36} {digest}  {bytes_:>8}"
                         for platform, what, digest, bytes_ in self._rows())

    def _repr_html_(self) -> str:
        rows = [(code(platform), escape(what), code(digest), bytes_)
                for platform, what, digest, bytes_ in self._rows()]
        return table(("platform", "what it is", "digest", "size"), rows, counted(len(self), "manifest"), right=(3,))


def _stated(entry: IndexEntry) -> str:
    """'an image', or what an attestation states, by the names that people use."""
    types = dict.fromkeys(each["predicateType"] for each in entry.statements)
    kinds = ["provenance" if "provenance" in each else "SBOM" if "spdx" in each else each for each in types]
    return f"{' and '.join(kinds)} of {entry.about}" if entry.about else "an image"


class Records(tuple):
    """Records of the build cache."""

    __slots__ = ()

    @property
    def bytes(self) -> int:
        """Bytes of all of them, as the builder counts."""
        return sum(record.size for record in self)

    def __repr__(self) -> str:
        return "\n".join(f"{size(record.size):>8}  {_said(record)}" for record in self) or "no records"

    def _repr_html_(self) -> str:
        rows = [(code(_said(record)), size(record.size)) for record in self]
        if not rows:
            return "<p>no records</p>"
        return table(("step", "size"), rows, f"{counted(len(self), 'record')}, {size(self.bytes)}", right=(1,))


def _said(record: Record) -> str:
    """The step in a few words: a RUN by its command, a COPY as BuildKit has it."""
    return one_line(" ".join(record.description.split()).removeprefix("mount / from exec /bin/sh -c "), _WIDTH)


def ordered(found: Sequence[Record]) -> Records:
    """Records with those that others stand on first, a stage after the other."""
    placed: list[Record] = []

    def place(record: Record) -> None:
        placed.append(record)
        for each in sorted(found, key=lambda other: other.description):
            if record.id in each.parents and each not in placed:
                place(each)

    known = {record.id for record in found}
    for root in sorted(found, key=lambda record: record.description):
        if root not in placed and not known.intersection(root.parents):
            place(root)
    return Records(placed)


def image_view(image: Image) -> str:
    """An image: a row a layer."""
    rows = [(size(layer.unpacked), f"{layer.files:,}", code(layer.instruction),
             "base" if index < image.base_layers else "")
            for index, layer in enumerate(image.layers)]
    caption = f"{image.reference}: {size(image.unpacked)} unpacked in {counted(len(image.layers), 'layer')}"
    note = (f"<p>Its base stands in for {code(image.stand_in)}.</p>" if image.stand_in else "")
    return table(("unpacked", "files", "made by", "part of"), rows, caption, right=(0, 1)) + note


def doctor_view(report: Diagnosis) -> str:
    """The engine, the base images, and what is missing."""
    bases = table(("base image", "where from"),
                  [(code(base.ref), base.origin or "not here yet") for base in report.bases])
    here = sum(base.present for base in report.bases)
    bases = f"<details><summary>{here} of {counted(len(report.bases), 'base image')} here</summary>{bases}</details>"
    problems = "".join(f"<p><b>{escape(each.what)}</b><br>{escape(each.remedy)}</p>" for each in report.problems)
    engine = paragraph(report.engine.describe() if report.engine else "No engine.")
    return f"{engine}{bases if report.bases else ''}{problems}<p><b>{'Ready.' if report.ok else 'Not ready.'}</b></p>"


def languages_view(languages: Languages) -> str:
    """A row a language; below, why some were left out."""
    rows = [tuple(map(escape, row)) for row in languages.rows()]
    absent = "".join(f"{paragraph(f'{name}:')}{absent_view(each)}" for name, each in languages.absent.items())
    return table(HEADS, rows) + absent


def absent_view(absent: Absent) -> str:
    """Why it was left out."""
    return paragraph(repr(absent))
