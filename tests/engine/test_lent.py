"""What a machine lends to a build reaches the command, and no layer."""

import io
import tarfile

import pytest

from helpers.builder import build
from helpers.builder.building import Session
from helpers.errors import CourseError

BASE = "debian:bookworm-slim"
MARK = "multistage-marker.example.org"
TEXT = f"""
FROM {BASE}
ARG NOW
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=trust \\
    cat /root/.npmrc; wc -c < /run/secrets/trust; grep -c BEGIN /run/secrets/trust; ls -lA /root /run/secrets
"""


@pytest.fixture
def marked(monkeypatch, tmp_path):
    """A machine with a setting and with a certificate that are easily told."""
    (tmp_path / "corp.pem").write_text(f"-----BEGIN CERTIFICATE-----\n{MARK}\n-----END CERTIFICATE-----\n")
    monkeypatch.setenv("npm_config_noproxy", MARK)
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(tmp_path / "corp.pem"))
    context = tmp_path / "context"
    context.mkdir()
    return context


@pytest.fixture
def built(engine, marked):
    made = []

    def run(**words):
        made.append(build(marked, text=TEXT, engine=engine, no_cache=True, **words))
        return made[-1], "\n".join(line for step in made[-1].steps for line in step.log)

    yield run
    for each in made:
        engine.client.images.remove(each.image, force=True)


def everything(engine, image):
    """All bytes of a saved image: layers as they are, configuration, manifest."""
    data = b"".join(engine.client.api.get_image(image))
    with tarfile.open(fileobj=io.BytesIO(data)) as saved:
        return [saved.extractfile(member).read() for member in saved if member.isreg()]


def test_a_command_has_what_is_lent_and_no_layer_has(engine, built):
    result, log = built()
    assert f"noproxy={MARK}" in log and "cafile=/run/secrets/trust" in log
    saved = everything(engine, result.image)
    assert any(b"multistage.course.stands-on" in part for part in saved)   # the configuration is among them
    assert not any(MARK.encode() in part or b"cafile=" in part for part in saved)


def test_no_file_that_carries_a_secret_is_in_the_context(engine, marked):
    text = TEXT.replace("ARG NOW", "COPY . /context/\nRUN ls -A /context; ! grep -r 'by-han[d]' /context")
    result = build(marked, text=text, engine=engine, no_cache=True, secrets={"npmrc": b"given=by-hand\n"})
    listed = [line for step in result.steps if step.instruction.startswith("RUN ls") for line in step.log]
    engine.client.images.remove(result.image, force=True)
    assert not [line for line in listed if "secret" in line]


def test_what_is_given_is_not_replaced(engine, built):
    result, log = built(secrets={"npmrc": b"given=by-hand\n"})
    assert "given=by-hand" in log and MARK not in log


def test_without_a_session_it_says_why_nothing_can_be_mounted(engine, built, monkeypatch):
    if "buildkit" not in engine.builders:
        pytest.skip("Podman is handed secrets without a session")
    monkeypatch.setattr(Session, "supported", staticmethod(lambda engine: False))
    monkeypatch.setattr("helpers.builder.build.lent", lambda dockerfile: {})
    with pytest.raises(CourseError, match="Secrets cannot be handed"):
        built()
