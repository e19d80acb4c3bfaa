"""An engine for sessions that refuse namespaces and mounts: the Course Engine.

It answers the part of Docker's API that this course uses, on a socket in a folder of its own, and needs no privilege at
all: what a RUN or a container executes runs under PRoot, which translates every path by ptrace.

    http, api     Docker's API on the socket      store      images, layers, names, cache
    build         a Dockerfile, step by step      layers     what changed between two looks, as a tar
    run_step      RUN, and what it mounts         settings   ENV, CMD, USER, ... of an image
    copying       COPY and ADD                    programs   a command's user, home and program
    stages        each one's image and files      containers processes, and what they print
    file_systems  kept for the next step          jail       ends all that a process leaves
    fetching      PRoot, from Debian's packages

It runs as a process of its own (`python -m helpers.engine.proot FOLDER`); `helpers.engine.proot_backend` starts and
stops it, and `helpers.engine.proot_program` finds PRoot."""

NAME = "Course Engine"
VERSION = "1.0"
API = "1.41"
