"""The SDK's client with other time limits, for single calls."""

from __future__ import annotations

from docker import APIClient


def patient(api: APIClient, seconds: float) -> APIClient:
    """`api` with another limit on how long an answer may take.

    It shares connections and settings with the original, whose own limit
    stays as it is for everybody else who uses it.
    """
    copy = object.__new__(type(api))
    vars(copy).update(vars(api))
    copy.timeout = seconds
    # The SDK pulls without any limit, whatever the client's is.
    copy._set_request_timeout = lambda options: {**options, "timeout": seconds}
    return copy
