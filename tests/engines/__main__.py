"""Run the engine suite on other engines: `python -m tests.engines [KIND ...]`. Without a name, on all of them. One
after another: each is prepared, started, given the base images, tested, ended. The table has the last run of each kind;
with --docs, the one in docs/engines.md is replaced. Exit code 1 if a test failed."""

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from helpers import bases
from helpers.engine import Engine, connect
from helpers.errors import CourseError

from . import daemon, kept, stock, suite, table
from .kinds import KINDS, Kind, find


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.engines", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(kind.key for kind in KINDS))
    parser.add_argument("--tests", nargs="+", metavar="TEST", help="these, instead of all")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="keep the tests' output there")
    parser.add_argument("--table", action="store_true", help="run nothing: the table of the last runs")
    parser.add_argument("--fresh", action="store_true",
                        help="begin with empty engines, and leave none of their data (about 5 GB each) for the next run")
    parser.add_argument("--purge", action="store_true", help="run nothing: delete what is kept for the next run")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/engines.md")
    chosen = parser.parse_args(arguments)
    if chosen.purge:
        return 0 if daemon.purge(_say) else 1
    try:
        kinds = [find(key) for key in chosen.kinds] or list(KINDS)
    except KeyError as error:
        parser.error(error.args[0])
    for kind in () if chosen.table else kinds:
        plain = connect()
        for row in tested(kind, plain, chosen.tests or suite.everything(), chosen.keep, chosen.fresh):
            kept.keep(kind, row)
    rows = kept.rows(KINDS)
    told = table.written(rows)
    print(told)
    failed = table.failures(rows)
    _say(*failed)
    if chosen.docs:
        text = table.DOCS.read_text()
        table.DOCS.write_text(table.placed(text, table.merged(table.there(text), told)))
    return 1 if failed else 0


def tested(kind: Kind, plain: Engine, tests: Sequence[str], keep: Path | None = None,
           fresh: bool = False) -> Iterator[table.Row]:
    """The engine of that kind, tested: a row after each file; or one that says why it was not."""
    began, today = time.monotonic(), date.today().isoformat()
    try:
        with daemon.running(kind, _say, keep=not fresh) as one:
            engine = stock.at(one.host)
            name = stock.called(engine, one.version)
            _say(f"{name} runs. It is given the base images ...")
            stock.hand_on(plain, engine, bases.ALL)
            for each in tests:
                since = time.monotonic()
                outcomes = suite.run(one, [each], plain.host)
                _say(f"  {each}: {table.cell(outcomes)} ({time.monotonic() - since:.0f} s)")
                if keep:
                    keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(one.state / "tests.log", keep / f"{kind.key}.log")
                yield table.Row(name, today, outcomes)
            stock.tidy(engine)
            _say(f"{name}: {time.monotonic() - began:.0f} s")
    except CourseError as error:
        _say(str(error))
        yield table.Row(f"{kind.package} of Debian {kind.suite}", today, absent=f"{error.what} {error.why}".strip())


def _say(*sentences: str) -> None:
    for sentence in sentences:
        print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
