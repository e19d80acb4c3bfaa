"""Errors that are answered with a status of Docker's API."""


class RequestRefused(Exception):
    """This engine cannot do what was asked; the message says why."""

    status = 400


class NotFound(RequestRefused):
    """There is no such image, container or exec."""

    status = 404


class Conflict(RequestRefused):
    """The state of the object does not allow it."""

    status = 409
