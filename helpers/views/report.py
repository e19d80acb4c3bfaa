"""How a report shows itself: stages, sizes, and what to fix, with line and remedy."""

from collections.abc import Iterator

from ..builder import work
from ..claims import lesson
from ..dockerfile import Edge
from ..lint import Finding as Opinion
from ..report import Finding, Fixed, Report
from ..report.fixing import Behaviour, described
from ..text import escape, one_line
from ..units import counted, seconds, size
from .build import stages_table
from .contents import inventory_text, inventory_view
from .markup import BAD, FAIR, QUIET, code, marked, prose, table

_MARKS = {"high": "✘", "medium": "◐", "low": "·"}
_COLOURS = {"high": BAD, "medium": FAIR, "low": QUIET}


def report_view(report: Report) -> str:
    """What to fix, the heaviest first; stages, layers and inventory folded away."""
    rows = [(marked(_MARKS[each.severity], each.severity, _COLOURS[each.severity]), str(each.line or ""),
             _described(each), size(each.saves) if each.saves else "") for each in report.findings]
    caption = f"{report.project}: {_sum(report)}"
    wrong = table(("urgency", "line", "what to fix", "saves"), rows, caption, right=(1, 3)) if rows else \
        f"<p>{escape(caption)}</p>"
    said = "".join(f"<p>{escape(sentence)}</p>" + _listed(opinions) for sentence, opinions in _opinions(report))
    return wrong + f"<p>{_sizes(report)} {escape(_main(report))}</p>" + said + _folded(report)


def report_text(report: Report) -> str:
    """A report as text."""
    lines = [f"{report.project}: {_sum(report)}", _sizes(report), _main(report), "Stages"]
    for each in report.result.stages:
        cost = seconds(each.seconds) if each.status == "built" else ""
        lines.append(f"  line {each.line:<4} {each.name:<16} {each.status:<8} {cost:>8}  FROM {each.base}")
    lines += [f"  line {each.line:<4} {each.source} --{each.via}--> {each.target}" for each in _dependencies(report)]
    lines.append("What each line brings")
    lines += [f"  line {line:<4} {size(count):>8}  {text}" for line, count, text in _brought(report)]
    lines.append("What to fix" if report.findings else "Nothing to fix")
    for found in report.findings:
        saved = f"; saves {size(found.saves)}" if found.saves else ""
        lines += [f"  {_MARKS[found.severity]} {found.severity}, line {_lines(found)}: {found.title} "
                  f"({found.rule}){saved}",
                  f"      {found.what}", f"      Why: {found.why}", f"      What to do: {found.remedy}"]
    for sentence, opinions in _opinions(report):
        lines += [sentence, *(f"  {each}{f' ({each.link})' if each.link else ''}" for each in opinions)]
    return "\n".join([*lines, inventory_text(report.inventory)])


def fixed_text(fixed: Fixed) -> str:
    """What --fix changed, and what that brought."""
    lines = ["What was changed" if fixed.file else "Nothing was changed"]
    for each in fixed.changes:
        mark = "✘ not changed" if each.refused else "✔ changed"
        lines.append(f"  {mark}, line {each.line} ({each.rule}): {each.reason}")
        lines += [f"      {said}" for said in ((f"Reverted: {each.refused}.",) if each.refused else each.left)]
    if fixed.file:
        before, after = (_measures(made, done) for made, done in zip(fixed.reports, fixed.behaviour, strict=True))
        lines += [f"  {name:<9} {before[name]:>28} -> {after[name]}" for name in before]
        lines += [f"The program {described(fixed.behaviour[1])}, and did so before.", f"Written: {fixed.file}"]
    return "\n".join(lines)


def _measures(made: Report, done: Behaviour) -> dict[str, str]:
    partly = " partly" if any(each.cached for each in work(made.result.steps)) else ""
    cached = " from the cache" if made.result.cached else f"{partly} from the cache" if partly else ""
    took = f"{seconds(made.result.seconds)}{cached}"
    return {"unpacked": size(made.image.unpacked), "tools": str(len(made.inventory.tools)),
            "packages": str(len(made.inventory.packages)), "build": took, "start": seconds(done.seconds)}


def _sum(report: Report) -> str:
    if not report.findings:
        return "nothing to fix"
    heavy = sum(each.severity == "high" for each in report.findings)
    return counted(len(report.findings), "thing") + " to fix" + (f", {heavy} of them urgent" if heavy else "")


def _sizes(report: Report) -> str:
    moved = f", {size(report.transfer)} to transfer" if report.transfer is not None else ""
    alone = (f"{size(report.unique)} of it in no other image here" if report.unique
             else "all of it in other images here as well")
    return f"{size(report.image.unpacked)} unpacked in {counted(len(report.image.layers), 'layer')}, {alone}{moved}."


def _main(report: Report) -> str:
    main = report.main
    if main is None:
        return "The image names no program."
    kinds = {"static": "static", "glibc": "linked with glibc", "musl": "linked with musl"}
    return f"Its program: {main.path or main.name}" + (f" ({kinds.get(main.kind, main.kind)})." if main.kind else ".")


def _described(each: Finding) -> str:
    return (f"<b>{prose(each.title)}</b> ({code(each.rule)}): {prose(each.what)} {prose(each.why)}<br>"
            f"<i>{prose(each.remedy)}</i>{_taught(each)}")


def _taught(each: Finding) -> str:
    known = lesson(each.lesson)
    return f' <a href="{escape(known.file)}">lesson {known.number}</a>' if known.file else ""


def _opinions(report: Report) -> Iterator[tuple[str, tuple[Opinion, ...]]]:
    """(sentence, opinions below it) of each linter: the builder, where it has checks, and hadolint."""
    said = report.opinions
    if report.result.warnings:
        yield _reports("The builder, by its own checks,", report.result.warnings, said.checks), said.checks
    if said.without or not said.all:
        yield said.without or "hadolint, which reads the text alone, reports nothing.", ()
    else:
        yield _reports("hadolint, which reads the text alone,", said.all, said.besides), said.besides


def _reports(who: str, everything: tuple[Opinion, ...], besides: tuple[Opinion, ...]) -> str:
    reports = f"{who} reports {counted(len(everything), 'thing')},"
    if not besides:
        return f"{reports} listed above."
    return f"{reports} {len(besides)} of which {'is' if len(besides) == 1 else 'are'} not listed above."


def _listed(opinions: tuple[Opinion, ...]) -> str:
    rows = [prose(str(each)) + (f' <a href="{escape(each.link)}">more</a>' if each.link.startswith("https://") else "")
            for each in opinions]
    return f"<ul>{''.join(f'<li>{row}</li>' for row in rows)}</ul>" if rows else ""


def _lines(each: Finding) -> str:
    return str(each.line or "-") + (f" (and {', '.join(map(str, each.also))})" if each.also else "")


def _dependencies(report: Report) -> Iterator[Edge]:
    return (each for each in report.result.dockerfile.edges if not each.external)


def _brought(report: Report) -> Iterator[tuple[int, int, str]]:
    """(line, bytes, instruction) for each line that brings a layer."""
    texts = {each.line: f"{each.keyword} {each.value}" for stage in report.result.dockerfile.stages
             for each in stage.instructions}
    for line, count in report.brought().items():
        yield line, count, one_line(texts.get(line, ""), 72)


def _folded(report: Report) -> str:
    stages = stages_table(report.result.stages, f"built in {seconds(report.result.seconds)}")
    ties = table(("line", "from", "to", "by"), [(str(each.line), code(each.source), code(each.target), each.via)
                                                for each in _dependencies(report)], right=(0,))
    layers = table(("line", "brings", "by"), [(str(line), size(count), code(text))
                                            for line, count, text in _brought(report)], right=(0, 1))
    return (f"<details><summary>{counted(len(report.result.stages), 'stage')}, and what connects them</summary>"
            f"{stages}{ties}</details>"
            f"<details><summary>What each line brings</summary>{layers}</details>"
            f"<details><summary>What is in the image</summary>{inventory_view(report.inventory)}</details>")
