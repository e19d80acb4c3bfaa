"""An image: its layers, the instruction that made each, and its sizes.

    >>> from helpers.image import inspect
    >>> image = inspect("go-hello:multi")
    >>> image.unpacked, len(image.layers)

Three sizes, measured here and the same on every engine (an engine's own `Size` is none of them: stores disagree by
half):

    unpacked   bytes of the files in the layers, a file replaced by a later layer counted in both, a hard link once
    transfer   bytes that a push or pull moves: every layer's tar archive, compressed by gzip at its usual level
    unique     unpacked bytes of the layers that no other named image has
"""

from .config import Start, start, stored
from .content import Trace, read_file, search, search_all
from .diff import Twins, compare
from .entries import Entries, Program
from .filesystem import Node, Tree, Unseen
from .history import with_copy_arguments
from .listing import Listed, listed, marked
from .measure import contents, inspect, layer_by_path, transfer, unique
from .model import Image, Layer

__all__ = ["Entries", "Image", "Layer", "Listed", "Node", "Program", "Start", "Trace", "Tree", "Twins", "Unseen",
           "compare", "contents", "inspect", "layer_by_path", "listed", "marked", "read_file", "search", "search_all",
           "start", "stored", "transfer", "unique", "with_copy_arguments"]
