"""The SDK's client with other time limits, for single calls."""

from docker import APIClient


def patient(api: APIClient, seconds: float) -> APIClient:
    """`api` with another limit on how many seconds an answer may take: one that shares its connections and settings."""
    copy = object.__new__(type(api))
    vars(copy).update(vars(api))
    copy.timeout = seconds
    # The SDK pulls without any limit, whatever the client's is.
    copy._set_request_timeout = lambda options: {**options, "timeout": seconds}
    return copy
