"""Go's standard library, compiled once for a run of the tests: the same program, and the same in Go's cache."""

import hashlib

import pytest

from helpers.builder import build
from tests import go_library

# Go names an output by its digest; the index beside it has the time, and that of a module is left out for files that
# were written less than two seconds ago (cmd/go/internal/modindex).
TEXT = """\
FROM golang:1.22
WORKDIR /src
RUN printf 'package main\\nfunc main() {{ println("hello") }}\\n' > main.go && go mod init example.org/hello
RUN : {digest} && test "$GOFLAGS" = "-toolexec={place}/toolexec" \
    && GOCACHE=/shared go build -o shared . && GOFLAGS= GOCACHE=/own go build -o own . && cmp shared own \
    && for cache in shared own; do cd /$cache && grep -rL --include='*-d' 'go index' . | sort > /list.$cache; done \
    && diff /list.shared /list.own && test -s /list.own
"""


def test_what_is_shared_is_what_a_build_would_have_made(engine, request, tmp_path):
    if not engine.owned or engine.name != "Docker Engine" or request.config.getoption("--nightly"):
        pytest.skip("it is shared on the course's own dockerd, by `make test`")
    digest = hashlib.sha256(go_library.TOOLEXEC.read_bytes()).hexdigest()    # another toolexec, another build
    result = build(tmp_path, text=TEXT.format(digest=digest, place=go_library.PLACE), tag="course-test:go-library",
                   engine=engine)
    engine.client.images.remove(result.tag, force=True)
