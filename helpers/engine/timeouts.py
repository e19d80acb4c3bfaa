"""The SDK's client with another time limit."""

from docker import APIClient


def patient(api: APIClient, seconds: float) -> APIClient:
    """A copy of `api` with another limit on the seconds that an answer may take; it shares connections and settings."""
    copy = object.__new__(type(api))
    vars(copy).update(vars(api))
    copy.timeout = seconds
    # Else the SDK pulls without any limit.
    copy._set_request_timeout = lambda options: {**options, "timeout": seconds}
    return copy
