"""The Course Engine, for sessions that refuse namespaces and mounts.

It serves the part of Docker's API that the course uses on a Unix socket, without any privilege: commands run under
PRoot, which translates paths by ptrace.

    http, api     Docker's API on the socket      store       images, layers, names, cache
    build         a Dockerfile, step by step      layers      changes to a file system, as a tar
    run_step      RUN and its mounts              settings    ENV, CMD, USER, ... of an image
    copying       COPY and ADD                    programs    a command's user, home and program
    stages        images and files of a build     containers  processes and their output
    file_systems  reused by later steps           jail        ends a process and its descendants
    fetching      PRoot, from Debian's packages

`helpers.engine.proot_backend` starts it as a process (`python -m helpers.engine.proot FOLDER`) and stops it;
`helpers.engine.proot_program` finds PRoot."""

NAME = "Course Engine"
VERSION = "1.0"
API = "1.41"
