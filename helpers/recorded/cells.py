"""Runs a kernel's cells, or shows their recorded outputs if they need an engine that is not here.

IPython passes each cell's syntax tree to its `ast_transformers` before running it. Here the tree is put into a `try`,
in a way that keeps the cell's value:

    try:
        ...the cell...
    except (NeedsEngine, NoEngine, Unsupported) as error:
        show the recording
    the value

A name that a recorded cell would have set becomes a `Missing`, and a cell that reads one is shown as recorded too,
without running any of it. So a cell shown as live ran from its first statement to its last."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from symtable import symtable
from typing import TYPE_CHECKING, NoReturn

from ..errors import CourseError, NoEngine, Unsupported
from . import frames
from .recordings import COMMANDS, MARK, Recording, recordings

_NAME = "__course_cells__"
_WRAPPED = f"""
try:
    pass
except {_NAME}.wanting as {_NAME}error:
    {_NAME}.show({_NAME}error)
{_NAME}.result()
"""
_AGAIN = "To measure everything here, provide an engine, restart the kernel and run all cells."
_NOTHING = object()

Rewrite = Callable[[Mapping], Mapping]

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell


class NeedsEngine(BaseException):
    """A cell needs an engine; `why` is a sentence for the reader. Not an `Exception`, because a cell that catches an
    expected build failure must not catch this."""

    def __init__(self, why: str):
        super().__init__(why)
        self.why = why


class Missing:
    """Stands in for a value that a recorded cell would have set. Any use raises NeedsEngine."""

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


class Cells:
    """Runs or replaces the cells of one kernel. `rewrite` maps a recorded output to the one to show here."""

    def __init__(self, shell: InteractiveShell, recorded: Sequence[Recording], rewrite: Rewrite = lambda each: each):
        self.value: object = None    # of the running cell's last expression
        self.on = False              # whether a cell has been shown as recorded
        # Errors that are replaced with a recording; not NoEngine if tests require an engine.
        self.wanting = (NeedsEngine, Unsupported) if engine_required() else (NeedsEngine, NoEngine, Unsupported)
        self._shell = shell
        self._recorded = list(recorded)
        self._rewrite = rewrite
        self._source: str | None = None
        self._stored: dict[str, object] = {}
        self._at = -1
        self._explained: set[str] = set()

    # -- IPython's side ----------------------------------------------------------------

    def begin(self, info: ExecutionInfo) -> None:
        """pre_run_cell: note the cell's source, and narrow the lessons down to those with this cell, if any."""
        self._source = info.raw_cell
        having = [each for each in self._recorded if each.find(info.raw_cell or "") is not None]
        self._recorded = having or self._recorded

    def visit(self, tree: ast.Module) -> ast.Module:
        """The tree to run instead."""
        if self._source is None or not tree.body or _from_future(tree):
            return tree
        self._shell.user_ns[_NAME] = self
        self.value = None
        stored, loaded = _names(tree)
        namespace = self._shell.user_ns
        self._stored = {name: namespace.get(name, _NOTHING) for name in stored}
        frame = ast.parse(_WRAPPED)
        attempt, value = frame.body
        assert isinstance(attempt, ast.Try)
        gone = sorted(name for name in loaded if type(namespace.get(name)) is Missing)
        attempt.body = ast.parse(f"{_NAME}.missing({gone[0]!r})").body if gone else tree.body
        if not gone and isinstance(last := tree.body[-1], ast.Expr):
            target = ast.Attribute(ast.Name(_NAME, ast.Load()), "value", ast.Store())
            attempt.body = [*tree.body[:-1], ast.copy_location(ast.Assign([target], last.value), last)]
        return ast.fix_missing_locations(ast.Module(body=[attempt, value], type_ignores=[]))

    # -- the cell's side ---------------------------------------------------------------

    def missing(self, name: str) -> None:
        """Raise NeedsEngine for a name that a recorded cell would have set."""
        raise NeedsEngine(f"{name} was recorded, not measured here.")

    def result(self) -> object:
        """The cell's value; None if it was shown as recorded."""
        value, self.value = self.value, None
        if type(value) is Missing:
            self.show(NeedsEngine("It was recorded, not measured here."))
            return None
        return value

    def show(self, error: NeedsEngine | CourseError) -> None:
        """Show the cell's recorded outputs, or say that there are none. Raises `error` if the engine here does not
        support this and nothing is recorded."""
        self.value = None
        found = self._found()
        if found is None and isinstance(error, Unsupported):
            raise error
        self.on = True
        for name, before in self._stored.items():
            if self._shell.user_ns.get(name, _NOTHING) is before:
                self._shell.user_ns[name] = Missing(name)
        why = error.why if isinstance(error, NeedsEngine) else str(error)
        if found is None:
            self._publish(frames.banner("Not run, and nothing is recorded for this cell.",
                                        "It is new or changed, and needs an engine.", why, _AGAIN))
            return
        recorded, index = found
        if why not in self._explained and isinstance(error, Unsupported) or not self._explained:
            self._publish(frames.banner("Recorded results follow, not measured here.", why, _AGAIN))
        self._explained.add(why)
        for output in recorded.outputs[index]:
            bare = COMMANDS in output.get("metadata", {})
            self._publish(frames.plain(output) if bare else frames.framed(self._rewrite(output), recorded))

    def _found(self) -> tuple[Recording, int] | None:
        for recorded in self._recorded:
            index = recorded.find(self._source or "", self._at)
            if index is not None:
                self._at = index
                return recorded, index
        return None

    def _publish(self, data: frames.Bundle) -> None:
        self._shell.display_pub.publish(data=data, metadata={MARK: True})


def engine_required() -> bool:
    """Whether tests treat a missing engine as a failure (docs/testing.md)."""
    return os.environ.get("MULTISTAGE_REQUIRE_ENGINE") == "1"


def registered() -> Cells | None:
    """What `register` installed in this kernel, or None."""
    transformers = getattr(_shell(), "ast_transformers", ())
    return next((each for each in transformers if isinstance(each, Cells)), None)


def _shell() -> InteractiveShell | None:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def register(folder: Path, rewrite: Rewrite) -> Cells | None:
    """Let this kernel show recorded cells of the lessons in `folder`; `rewrite` as in `Cells`. Returns None without
    IPython; a second call changes nothing."""
    shell, already = _shell(), registered()
    if shell is None or already:
        return already
    # JupyterLab sets JPY_SESSION_NAME to the kernel's notebook.
    name, recorded = Path(os.environ.get("JPY_SESSION_NAME", "")).stem, recordings(folder)
    cells = Cells(shell, [each for each in recorded if each.lesson == name] or recorded, rewrite)
    shell.events.register("pre_run_cell", cells.begin)
    shell.ast_transformers.append(cells)   # type: ignore[arg-type]   # IPython calls `visit` alone
    return cells


def _from_future(tree: ast.Module) -> bool:
    return any(isinstance(each, ast.ImportFrom) and each.module == "__future__" for each in tree.body)


def _names(tree: ast.Module) -> tuple[set[str], set[str]]:
    """(names that the cell sets, names that it reads but does not set), without the locals of functions and
    comprehensions."""
    top = symtable(ast.unparse(tree), "<cell>", "exec")
    stored = {each.get_name() for each in top.get_symbols() if each.is_assigned() or each.is_imported()}
    loaded = {each.get_name() for each in top.get_symbols() if each.is_referenced()}
    scopes = list(top.get_children())
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        loaded |= {each.get_name() for each in scope.get_symbols() if each.is_global() and each.is_referenced()}
    return stored, loaded - stored
