"""Which builders read heredocs: RUN and COPY whose text stands on the lines that follow, up to a
word alone.

    RUN <<EOF
    go vet ./...
    EOF

A builder that does not read them takes those lines for instructions, or leaves them out
without a word: what is built is then not what was written.

    BuildKit       since 0.10.1, and so Docker Engine 23.0 (its built-in reader of Dockerfile 1.4)
    legacy         never; since 23.0 it skips the lines, and hands the `<<EOF` alone to the shell
    Buildah        in Debian's and Ubuntu's Podman since 5; 4.9.3 does not
    Course Engine  says so itself, at the line
"""

from __future__ import annotations

from ..dockerfile import Dockerfile, Instruction
from ..engine import Engine


def check(read: Dockerfile, engine: Engine, builder: str) -> None:
    """Raises DockerfileError for a heredoc that the builder would not read. What another
    reader, named by `# syntax=`, makes of the file cannot be said."""
    first = next((each for stage in read.stages for each in stage.instructions if each.heredocs), None)
    if first is None or engine.rejects_heredocs or builder in engine.heredocs or builder == "buildkit" and read.frontend:
        return
    raise read.fault(
        f"Line {first.line}: {engine.name} {engine.version} does not read heredocs"
        + (" with the legacy builder." if builder == "legacy" else "."), first.line,
        why="It would take the lines that follow for instructions, or leave them out without a word.",
        remedy=_instead(first) + (" Or use builder='buildkit'." if builder == "legacy" and "buildkit" in engine.heredocs else ""))


def _instead(instruction: Instruction) -> str:
    if instruction.keyword == "RUN":
        return "Write the commands after RUN, with && between them, and \\ at the end of each line but the last."
    return "Write the file into the build context, and copy it from there."
