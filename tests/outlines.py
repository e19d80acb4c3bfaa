"""BuildKit's outline in the form of our reader's."""

from collections.abc import Mapping

from helpers.dockerfile import Argument, Handed, Outline, Target


def joined(found: Mapping, targets: Mapping) -> Outline:
    """The outline in BuildKit's answers to frontend.outline and frontend.targets."""
    def by_line(kind, name, *keys):
        rows = [kind(each["name"], *(each.get(key, default) for key, default in keys), _line(each))
                for each in found.get(name) or ()]
        return tuple(sorted(rows, key=lambda row: (row.line, row.name)))

    return Outline(
        found.get("name", ""), found.get("description", ""),
        tuple(Target(each.get("name", ""), each.get("base", ""), each.get("description", ""), each.get("default", False),
                     each.get("platform", ""), _line(each)) for each in targets["targets"]),
        by_line(Argument, "args", ("value", ""), ("description", "")),
        by_line(Handed, "secrets", ("required", False)), by_line(Handed, "ssh", ("required", False)))


def _line(found: Mapping) -> int:
    return found["location"]["ranges"][0]["start"]["line"]
