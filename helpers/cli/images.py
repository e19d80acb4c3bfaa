"""Commands for images: report, inventory, compare."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from .. import engine as engines
from .. import image
from .. import inventory as inventories
from .. import report as reports
from ..inventory import printable
from ..units import size
from ..views.contents import comparison_text, inventory_text
from ..views.report import fixed_text, report_text
from ..widgets.live import LiveBuild
from .builds import request_of
from .output import GOOD, NO, draw, emit, save_json, say


def report(options: argparse.Namespace) -> int:
    """Build a project and print what to fix. Returns 1 if a finding reaches --fail-on."""
    if options.fix:
        reports.writable(Path(options.dir, f"{options.file}.fixed"))
    with LiveBuild(sys.stderr) as live:
        found = reports.report(options.dir, transfer=options.transfer, **request_of(options),
                               watch=live.watch, finished=live.finish, say=live.say)
    if options.png:
        from .. import charts

        draw(charts.findings(found), options.png)
    if options.sarif:
        path = os.path.relpath(Path(options.dir, options.file)).replace(os.sep, "/")
        save_json(reports.to_sarif(found, path), options.sarif)
    facts, text = found.facts(), report_text(found)
    if options.fix:
        fixed = reports.fix(found, options.dir, say=say, **request_of(options))
        facts["fix"] = fixed.facts()
        text = f"{text}\n{fixed_text(fixed)}"
    emit(options, facts, text)
    failed = options.fail_on and any(reports.reaches(each, options.fail_on) for each in found.findings)
    return NO if failed else GOOD


def inventory(options: argparse.Namespace) -> int:
    """Print an image's contents. Returns the exit code."""
    engine = engines.connect()
    found = inventories.inventory(options.image, engine)
    facts, text = found.facts(files=options.files), inventory_text(found)
    if options.transfer:
        facts["transfer"] = moved = image.transfer(found.image, engine)
        text += f"\nTransfer: {size(moved)}"
    if options.files:
        rows = (f"{size(count):>10}  {path}  {' '.join(layer.instruction.split())}"
                for path, count, layer in found.listing())
        text = "\n".join([text, "Files", *map(printable, rows)])
    emit(options, facts, text)
    return GOOD


def compare(options: argparse.Namespace) -> int:
    """Print images side by side. Returns the exit code."""
    engine = engines.connect()
    seen = inventories.compare([inventories.inventory(reference, engine) for reference in options.image])
    facts: dict[str, Any] = seen.facts()
    lines = [comparison_text(seen)]
    for each, entry in zip(seen.inventories, facts["images"], strict=True):
        entry["unique"] = image.unique(each.image, engine)
        entry["transfer"] = image.transfer(each.image, engine) if options.transfer else None
        moved = f", {size(entry['transfer'])} to transfer" if options.transfer else ""
        lines.append(f"{each.image.reference}: {size(entry['unique'])} in no other named image{moved}")
    if options.png:
        from .. import charts

        draw(charts.sizes([each.image for each in seen.inventories]), options.png)
    emit(options, facts, "\n".join(lines))
    return GOOD
