"""Maintenance: is everything ready, the first run, opening the lab, cleaning up."""
