"""Push and pull with the engine, and what they cost."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .. import units
from ..engine import Engine
from ..engine.processes import Report
from ..engine.transfer_events import LayerProgress, event_stream
from ..engine.translate import engine_fault
from ..errors import EngineError, Interrupted, TransferFailed

_SILENT_SECONDS = 120     # no events arrive while a large layer is unpacked
_KNOWN = ("Already exists", "Layer already exists")


@dataclass(frozen=True)
class Transfer:
    """An image that was pushed or pulled."""

    name: str                         # of the image, as given
    way: str                          # 'push' or 'pull'
    place: str = field(repr=False)    # 'repository:tag' in the registry
    seconds: float                    # including compressing and unpacking
    moved: int                        # bytes over the line in that direction, including HTTP's
    payload: int                      # bytes of the layers and the configuration
    layers: int                       # their number
    known: int                        # number of layers that the other end already had
    digest: str = field(repr=False)   # of its manifest, 'sha256:...'
    speed: float = field(repr=False)  # of the line, bytes a second
    plain: int = 0                    # number of uncompressed layers

    def __str__(self) -> str:
        return (f"{self.way} {self.name}: {units.size(self.moved)} in {units.seconds(self.seconds)}, "
                f"{units.counted(self.layers - self.known, 'layer')} of {self.layers} moved"
                + (f", {units.counted(self.plain, 'layer')} uncompressed, as it was loaded" if self.plain else ""))


def move(way: str, engine: Engine, repository: str, tag: str, name: str, alive: Callable[[], bool],
         watch: Report) -> int:
    """Push or pull an image; returns the number of layers that the other end already had.

    way    'push' or 'pull'
    name   of the image, for errors
    alive  whether the registry still answers
    watch  called with the progress, after each event

    Raises TransferFailed, DiskFull, Interrupted, and the engine's errors."""
    doing, known, progress = f"{way} {name}", 0, LayerProgress()
    call, parameters = ((f"images/{repository}/push", {"tag": tag}) if way == "push" else
                        ("images/create", {"fromImage": repository, "tag": tag}))
    try:
        with engine.translate_errors(doing), event_stream(
                engine.client.api, call, parameters, first=_SILENT_SECONDS, later=_SILENT_SECONDS) as events:
            for event in events:
                status, error = event.get("status") or "", event.get("error")
                # The engine retries for a minute, even if the registry is gone.
                if (error or status.startswith("Retrying")) and not alive():
                    raise failure(doing, "the registry has ended")
                if error:
                    raise failure(doing, error)
                known += status in _KNOWN
                progress.take(event)
                watch(str(progress))
    except KeyboardInterrupt:
        raise Interrupted(f"`{doing}` was stopped, in the engine too.", remedy="Run it again.") from None
    return known


def failure(doing: str, message: str) -> TransferFailed | EngineError:
    """The error for an engine's message about a failed push or pull."""
    if "no space left on device" in message.lower():
        return engine_fault(doing, message)
    return TransferFailed(f"The engine could not {doing}.", why=" ".join(message.split()),
                          remedy="Run the cell that opened the registry again, then this one.")
