"""A value that was recorded instead of measured, and the error of code that needs one."""

from __future__ import annotations

from typing import NoReturn


class NeedsEngine(BaseException):
    """This cannot be done without an engine.

    Not an `Exception`: a cell that expects a build to fail, and catches that, must
    not take this for the failure. `why` is a sentence for the reader.
    """

    def __init__(self, why: str):
        super().__init__(why)
        self.why = why


class Missing:
    """The value of each name that a recorded cell would have set. Any use of it raises NeedsEngine, so
    that nothing is computed from nothing."""

    def __init__(self, name: str):
        object.__setattr__(self, "_name", name)

    def _used(self, *_: object, **__: object) -> NoReturn:
        raise NeedsEngine(f"{object.__getattribute__(self, '_name')} was recorded, not measured here.")

    __getattr__ = __setattr__ = __delattr__ = _used
    __call__ = __iter__ = __next__ = __len__ = __bool__ = __contains__ = _used
    __getitem__ = __setitem__ = __delitem__ = __enter__ = __exit__ = _used
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _used
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _used
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __neg__ = __abs__ = _used
    __int__ = __float__ = __index__ = __str__ = __repr__ = __format__ = __fspath__ = __bytes__ = _used
