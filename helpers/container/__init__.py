"""Run an image and see what it prints: until it ends, or as a server.

Containers of the course have little memory, few processes and no privileges, no network unless they serve, and are
removed when they end, whatever happens. A server's port is open on this machine's loopback address only.
"""

from .running import Ran, run, users
from .sandbox import Sandbox
from .server import Answer, ServedContainer, serve

__all__ = ["Answer", "Ran", "Sandbox", "ServedContainer", "run", "serve", "users"]
