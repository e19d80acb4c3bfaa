"""Why a request is refused, each with the status of Docker's API; the message says why."""


class RequestRefused(Exception):
    """This engine cannot carry it out."""

    status = 400


class NotFound(RequestRefused):
    """There is no such image, container or command in one."""

    status = 404


class Conflict(RequestRefused):
    """It cannot be done to a thing as that is now."""

    status = 409
