"""Push and pull through the engine, followed to the end, and what they cost."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .. import units
from ..engine import Engine
from ..engine.processes import Report
from ..engine.transfer_events import LayerProgress, event_stream
from ..engine.translate import engine_fault
from ..errors import EngineError, Interrupted, TransferFailed

_SILENT_SECONDS = 120     # unpacking a large layer says nothing for long
_ENDED = "the registry has ended"
_KNOWN = ("Already exists", "Layer already exists")



@dataclass(frozen=True)
class Transfer:
    """An image that was pushed or pulled."""

    name: str                         # the image, as the reader calls it
    way: str                          # 'push' or 'pull'
    place: str = field(repr=False)    # where it is in the registry, 'repository:tag'
    seconds: float                    # until the engine was done, with compressing and unpacking
    moved: int                        # bytes that crossed the line in that direction, HTTP's own included
    payload: int                      # bytes of the layers and the configuration that the manifest names
    layers: int                       # how many layers it has
    known: int                        # how many of them the other end had already, so that they did not move
    digest: str = field(repr=False)   # of its manifest, 'sha256:...'
    speed: float = field(repr=False)  # of the line, bytes a second
    plain: int = 0                    # how many of the layers are not compressed

    def __str__(self) -> str:
        return (f"{self.way} {self.name}: {units.size(self.moved)} in {units.seconds(self.seconds)}, "
                f"{units.counted(self.layers - self.known, 'layer')} of {self.layers} moved"
                + (f", {units.counted(self.plain, 'layer')} uncompressed, as it was loaded" if self.plain else ""))


def push(engine: Engine, repository: str, tag: str, name: str, alive: Callable[[], bool], watch: Report) -> int:
    """Push; how many layers the registry had already. Arguments and errors as of `pull`."""
    return _follow(engine, f"push {name}", alive, watch, f"images/{repository}/push", {"tag": tag})


def pull(engine: Engine, repository: str, tag: str, name: str, alive: Callable[[], bool], watch: Report) -> int:
    """Pull; how many layers the engine had already.

    name    of the image, for the words of an error
    alive   asked when the engine tries again: whether the registry is there at all
    watch   called with how far it came, after each piece of news

    Raises TransferFailed, DiskFull, Interrupted, and the engine's errors."""
    return _follow(engine, f"pull {name}", alive, watch, "images/create", {"fromImage": repository, "tag": tag})


def _follow(engine: Engine, doing: str, alive: Callable[[], bool], watch: Report, call: str,
            parameters: dict[str, str]) -> int:
    known, progress = 0, LayerProgress()
    try:
        with engine.translate_errors(doing), event_stream(
                engine.client.api, call, parameters, first=_SILENT_SECONDS, later=_SILENT_SECONDS) as events:
            for event in events:
                status, error = event.get("status") or "", event.get("error")
                # The engine tries again for a minute, whether that can help or not.
                if (error or status.startswith("Retrying")) and not alive():
                    raise failure(doing, _ENDED)
                if error:
                    raise failure(doing, error)
                known += status in _KNOWN
                progress.take(event)
                watch(str(progress))
    except KeyboardInterrupt:
        raise Interrupted(f"`{doing}` was stopped, in the engine too.", remedy="Run it again.") from None
    return known


def failure(doing: str, message: str) -> TransferFailed | EngineError:
    """The error for the message with which an engine ends a push or pull."""
    if "no space left on device" in message.lower():
        return engine_fault(doing, message)
    return TransferFailed(f"The engine could not {doing}.", why=" ".join(message.split()),
                          remedy="Run the cell that opened the registry again, then this one.")
