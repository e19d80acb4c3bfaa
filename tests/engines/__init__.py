"""Engines of other versions than this machine's, run beside it for the tests.

    kinds    which engines there are
    rootfs   the root file system that each runs in, made from Debian's packages
    daemon   one of them, started in namespaces of its own, used and ended
    stock    the base images that it is given
    suite    the tests, run on it
    table    what came out, engine by feature

`make engines` prepares every kind, runs tests/engine on each and prints the table."""
