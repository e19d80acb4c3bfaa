"""BuildKit from Python, over the Docker SDK's connection: without a command line or another daemon.

    >>> from helpers.engine import connect
    >>> from helpers.builder.context import Context
    >>> from helpers.builder.session import Session
    >>> from helpers.builder.control import Control, Gateway, Process
    >>> engine = connect()
    >>> with Session(engine, Context.scan("app")) as session, Control(engine) as control:
    ...     with Gateway(control, session.id) as gateway:
    ...         state = gateway.solve({"target": "builder"})
    ...         print([entry.name for entry in state.read_dir("/")])
    ...         with state.container() as container:
    ...             print(container.run(Process(["go", "version"], state.config["Env"])).output)
"""

from .client import Control, Solve, SolveOptions, Worker
from .connection import CallFailed, FailedStep
from .failed import FailedState
from .gateway import Container, Entry, Gateway, Mount, State
from .process import Finished, Process, Running

__all__ = ["CallFailed", "Container", "Control", "Entry", "FailedState", "FailedStep",
           "Finished", "Gateway", "Mount", "Process", "Running", "Solve", "SolveOptions", "State", "Worker"]
