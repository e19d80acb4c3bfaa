"""Commands for a class: open, restart, close, kit, check, guide."""

from __future__ import annotations

import argparse
import io
import os
from typing import TYPE_CHECKING

from .. import paths
from ..units import size
from .output import GOOD, NO, emit, say

if TYPE_CHECKING:
    from ..classroom.room import Room


def classroom(options: argparse.Namespace) -> int:
    """Open this machine's class, restart its hub, or close it. Returns the exit code."""
    from ..classroom import opening

    if options.action == "stop":
        from ..engine import connect

        saved = opening.stop(connect(start=False), say, options.purge)
        emit(options, {"saved": list(map(str, saved))}, "The class is closed.")
    else:
        room = opening.restart(say) if options.action == "restart" else _started(options)
        facts = {"address": room.address, "view": room.view, "password": room.password, "token": room.token}
        emit(options, facts, invitation(room))
    return GOOD


def kit(options: argparse.Namespace) -> int:
    """Gather everything a class needs without a network. Returns the exit code."""
    from ..classroom import kit
    from ..maintenance.first_run import have_engine

    files = kit.make(have_engine(say), options.folder, say)
    total = sum(each.size for each in files)
    emit(options, {"folder": str(options.folder), "files": len(files), "size": total},
         f"The kit in {options.folder} is complete: {len(files)} files, {size(total)}.")
    return GOOD


def guide(options: argparse.Namespace) -> int:
    """Write the instructor's guide. Returns the exit code."""
    from ..classroom import guide

    files = guide.write(options.to)
    emit(options, {"files": list(map(str, files))}, "\n".join(map(str, files)))
    return GOOD


def rehearse(options: argparse.Namespace) -> int:
    """Show how many learners the machine can take and what they will find, and let two try the class. Returns 1 if it
    is too small."""
    from ..classroom import opening, rehearsal
    from ..engine import connect

    engine = connect(start=False)
    room, found = opening.opened(), rehearsal.capacity(engine)
    condition = rehearsal.condition(engine, room)
    said: list[str] = []
    rehearsal.rehearse(engine, room, said.append)
    emit(options, {"learners": found.learners, "condition": condition, "rehearsal": said},
         "\n".join([str(found), *condition, *said]))
    return GOOD if found.learners >= options.learners else NO


def _started(options: argparse.Namespace) -> Room:
    from ..bases import ALL, FIRST
    from ..classroom import kit as class_kit
    from ..classroom import opening
    from ..maintenance.first_run import have_engine

    kit = options.kit and options.kit.expanduser().absolute()
    if kit:
        os.environ[paths.KIT] = str(kit)    # the base images come from it too
    refs = class_kit.refs(kit) if kit else ALL if options.all else FIRST
    return opening.start(have_engine(say), say, options.listen, refs, kit)


def invitation(room: Room) -> str:
    """What the instructor reads, and the part to show on the projector."""
    import segno

    code = io.StringIO()
    segno.make(room.address).terminal(code, compact=True)
    return "\n".join([
        "The class is open. Log in as instructor with this token as the password (keep it off the projector):",
        f"  {room.token}", f"Watch the class: {room.view}", "", "For the projector:", "", code.getvalue(),
        f"  Address                {room.address}", f"  Class password         {room.password}", "",
        "Each learner chooses a name and a password, and also enters the class password the first time.", *_reach(room),
        "`make class-stop` saves every learner's work and closes the class."])


def _reach(room: Room) -> list[str]:
    if room.listen in ("127.0.0.1", "::1"):
        return ["Only this machine can reach it. LISTEN=0.0.0.0 opens it to the network."]
    return ["The connection is not encrypted. On a network you do not trust, put a TLS proxy in front of it."]
