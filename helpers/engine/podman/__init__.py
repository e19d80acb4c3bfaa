"""Podman: see `backend`."""
