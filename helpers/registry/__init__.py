"""A real registry on this machine, behind a line of known speed.

    >>> from helpers.registry import Registry
    >>> with Registry(speed=25e6) as registry:
    ...     up = registry.push("go-hello:multi")
    ...     with registry.pulled(registry.fresh(up)) as down:
    ...         down.transfer.moved, down.transfer.seconds

Pushes and pulls are the engine's own. What they leave in the engine is removed again."""

from .client import IndexEntry
from .lesson_registry import Copy, Pulled, Registry, forget, is_transfer_name
from .throttle import Bucket, Line
from .transfer import Transfer

__all__ = ["Bucket", "Copy", "IndexEntry", "Line", "Pulled", "Registry", "Transfer", "forget", "is_transfer_name"]
