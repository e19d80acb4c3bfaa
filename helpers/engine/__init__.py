"""A Docker engine: found or started, and what it is.

    >>> from helpers.engine import connect
    >>> engine = connect()
    >>> engine.describe()
    'Docker Engine 20.10.24 (API 1.41, overlay2), started by the course'
"""

from .discovery import connect
from .model import MINIMUM_API, Engine
from .translate import translate_errors

__all__ = ["MINIMUM_API", "Engine", "connect", "translate_errors"]
