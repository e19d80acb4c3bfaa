"""A gRPC server and a client of the course's, at the two ends of a socket pair, as they are at those of an engine."""

import contextlib
import io
import socket

from helpers.builder.control.connection import Connection
from helpers.builder.services import SessionServer
from helpers.builder.tunnel import Upgraded


@contextlib.contextmanager
def connected(methods):
    """(server of these methods, connection to it)."""
    ours, theirs = socket.socketpair()
    with ours, theirs, contextlib.ExitStack() as ends:
        server = SessionServer(Upgraded(io.BytesIO(), theirs, b""), methods)
        ends.callback(server.stop)
        connection = Connection(Upgraded(io.BytesIO(), ours, b""))
        ends.callback(connection.close)
        yield server, connection
