"""Run an image and see what it says: until it ends, or as a server.

Containers of the course have little memory, few processes, no privileges and no
network unless asked, and are removed when they end, whatever happens. A server's
port is open on this machine's loopback alone.
"""

from .processes import users
from .running import Ran, run
from .server import Answer, Server, serve

__all__ = ["Answer", "Ran", "Server", "run", "serve", "users"]
