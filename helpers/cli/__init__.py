"""The command line: `python -m helpers COMMAND`.

With --json, standard output has JSON only, and messages go to standard error. Exit codes: 0 success, 1 a negative
answer (a failed build, not ready), 2 wrong usage or no engine.
"""

from collections.abc import Sequence
from importlib import import_module

from ..errors import CourseError, EngineError, ExerciseError, Interrupted
from .output import GOOD, NO, USAGE, error_facts, print_error, say
from .parser import parser as _parser

__all__ = ["error_facts", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if getattr(options, "without_engine", False) and not options.save:
        parser.error("--without-engine needs a folder for the kit: --save FOLDER")
    module, name = options.command.split(".")
    try:
        return getattr(import_module(f".{module}", __name__), name)(options)
    except Interrupted as error:
        say(str(error))
        return 130
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return GOOD
    except CourseError as error:
        print_error(options, error)
        return USAGE if isinstance(error, (EngineError, ExerciseError)) else NO
