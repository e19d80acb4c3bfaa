"""This machine, as Docker names it."""

import platform


def architecture() -> str:
    """'amd64', 'arm64', or what the kernel says."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
