"""What keeps a class going: is everything ready, clean up, the first run."""
