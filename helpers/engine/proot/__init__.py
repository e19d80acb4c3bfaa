"""A small engine for sessions that refuse namespaces and mounts: the Course Engine.

It speaks the part of Docker's API that this course uses, on a socket in a folder of
its own, and needs no privilege at all: what a RUN or a container executes, runs under
PRoot, which translates every path by ptrace. Layers, digests, cache and stages are real.

    http, api  Docker's API on the socket         store       images, layers, names, cache
    build      a Dockerfile, step by step         trees       file systems, kept for the next step
    stages     each one's image and files so far  layers      what changed between two scans, as a tar
    copying    COPY and ADD                       containers  processes, and what they print
    settings   ENV, CMD, USER, ... of an image    waste       trees until they are deleted
    proot      found, tried, called               jail        ends all that a process leaves
    fetching   PRoot, from Debian's packages

It runs as a process of its own (`python -m helpers.engine.proot FOLDER`); `helpers.engine.proot_backend`
starts and stops it.
"""

NAME = "Course Engine"
VERSION = "1.0"
API = "1.41"
