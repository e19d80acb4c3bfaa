#!/bin/sh
# Fills the store that all sessions of a class read, from one session whose MULTISTAGE_HOME is the store:
#
#     fill_store.sh [BASE...]       with these base images; those of the first lessons if none is named
set -eu
python3 /opt/session.py python3 -c 'import matplotlib.font_manager'    # unpacks the course; makes the list of fonts
cd /home/jovyan/course
export MULTISTAGE_SHARED="$MULTISTAGE_HOME"

# What Go's compiler makes of the standard library is kept, and Go's cache of it: for a server, with C and without. Go
# removes from a cache what it has not used for five days.
mkdir -p "$MULTISTAGE_HOME/go/kept"
for program in toolexec crun; do cp "/opt/go-$program" "$MULTISTAGE_HOME/go/$program"; done
python3 -m helpers bases ${MULTISTAGE_KIT:+--offline} "$@"
python3 -c '
from helpers.builder import build
from helpers.engine import connect
text = """FROM golang:1.22
RUN go build net/http && CGO_ENABLED=0 go build net/http \\
    && cd /proc/driver && cp -r /root/.cache/go-build cache && rm cache/trim.txt && find cache -exec touch -d 2000-01-01 {} +
"""
connect().client.images.remove(build("/tmp", text=text, tag="kept-by-go:latest").tag)'

for base in "$@"; do python3 -m helpers inventory "$base"; done
# A right answer to an exercise in Go leaves the builder's cache for the checks of all others.
python3 -m helpers check 01-split-the-stage --dockerfile exercises/01-split-the-stage/solution/Dockerfile
# Its starter is kept as an image: who splits it begins with the same steps, and need not compile them.
python3 -c '
from helpers.checks import find
from helpers.checks.building import build_exercise
from helpers.engine import connect
exercise = find("01-split-the-stage")
build_exercise(exercise, exercise.starter.read_text(), exercise.source(), {}, tag="starter:01", engine=connect())'
python3 -m helpers engine stop
