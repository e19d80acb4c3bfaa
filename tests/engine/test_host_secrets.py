"""What a build is given of this machine: nothing, unless it is the course's own or the user says so,
and never a password."""

import io
import tarfile

import pytest

from helpers import paths
from helpers.builder import build, exchange
from helpers.errors import BuildFailed, CourseError
from tests.unit.builder.test_ssh_agent import agent

BASE = "debian:bookworm-slim"
MARK = "multistage-marker.example.org"
SECRET = "s3cret-of-this-machine"
WANTED = ("npmrc", "pip.conf", "trust", "TOKEN", ".netrc", "config.json", "netrc", "NPM_TOKEN")
TEXT = f"""
FROM {BASE}
ARG NOW
RUN {" ".join(f"--mount=type=secret,id={name}" for name in WANTED)} \\
    grep -rvE '^[A-Za-z0-9+/=]{{40,}}$' /run/secrets; env; ls -lA /run/secrets; echo end
"""


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """A machine whose settings hold a secret wherever one can be; the folder is somebody else's project."""
    home = tmp_path_factory.mktemp("home")
    (home / "corp.pem").write_text(f"-----BEGIN CERTIFICATE-----\n{MARK}\n-----END CERTIFICATE-----\n{SECRET}\n")
    (home / ".npmrc").write_text(
        f"registry=https://me:{SECRET}@npm.example.org/?{SECRET}\n//npm.example.org/:_authToken={SECRET}\n"
        f"//npm.example.org/:_password={SECRET}\n_auth={SECRET}\nkey={SECRET}\nnoproxy={MARK}\n")
    (home / ".netrc").write_text(f"machine npm.example.org login me password {SECRET}\n")
    (home / "project").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("npm_config_userconfig", str(home / ".npmrc"))
        patch.setenv("npm_config_//npm.example.org/:_authToken", SECRET)
        patch.setenv("NODE_EXTRA_CA_CERTS", str(home / "corp.pem"))
        patch.setenv("PIP_INDEX_URL", f"https://me:{SECRET}@{MARK}/simple")
        patch.setenv("PIP_EXTRA_INDEX_URL", f"https://{SECRET}@{MARK}/more")
        patch.setenv("PIP_PROXY", f"me:{SECRET}@proxy.example.org:3128")
        for name in ("TOKEN", "NPM_TOKEN", "netrc"):
            patch.setenv(name, SECRET)
        yield home / "project"


@pytest.fixture(scope="module")
def built(engine, marked):
    """A function that builds and gives (result, everything that was printed)."""
    made = []

    def run(context=marked, text=TEXT, **words):
        made.append(build(context, text=text, engine=engine, no_cache=True, **words))
        return made[-1], "\n".join(line for step in made[-1].steps for line in step.log)

    yield run
    for each in made:
        engine.client.images.remove(each.image, force=True)


def everything(engine, image):
    """All bytes of a saved image: layers as they are, configuration, manifest."""
    data = b"".join(engine.client.api.get_image(image))
    with tarfile.open(fileobj=io.BytesIO(data)) as saved:
        return [saved.extractfile(member).read() for member in saved if member.isreg()]


def test_somebody_elses_dockerfile_is_given_nothing(built):
    result, log = built()
    assert "end" in log and SECRET not in log and MARK not in log and "npm.example.org" not in log
    assert result.handed_over == () and "passed to the build" not in str(result)


def test_what_the_user_lends_has_no_password_and_is_said(engine, built):
    said = []
    result, log = built(lend=["npmrc", "pip.conf", "trust"], report=said.append)
    assert SECRET not in log
    assert f"noproxy={MARK}" in log and "registry=https://npm.example.org/" in log
    assert "cafile=/run/secrets/trust" in log
    assert f"index-url = https://{MARK}/simple" in log and "proxy = proxy.example.org:3128" in log
    assert sorted(each.id for each in result.handed_over) == ["npmrc", "pip.conf", "trust"]
    assert "npmrc (this machine's npm settings, without its passwords)" in str(result)
    assert sum("Passed to the build: " in each for each in said) == 1
    assert {"id": "trust", "origin": "this machine's certificates"} in result.facts()["handed_over"]
    saved = everything(engine, result.image)
    assert any(b"multistage.course.stands-on" in part for part in saved)   # the configuration is among them
    assert not any(MARK.encode() in part or b"cafile=" in part for part in saved)


def test_the_courses_own_application_is_lent_settings_without_passwords(built):
    result, log = built(paths.applications()[0] / "copies")
    assert f"noproxy={MARK}" in log and SECRET not in log
    assert {each.id for each in result.handed_over} == {"npmrc", "pip.conf", "trust"}


def test_what_is_given_is_not_replaced_and_is_in_no_context(built, marked):
    (marked / "file").write_text("of the context")
    result, log = built(text=TEXT.replace("ARG NOW",
                                          "COPY . /context/\nRUN ls -A /context; ! grep -r 'by-han[d]' /context"),
                        secrets={"npmrc": b"given=by-hand\n"}, lend=["npmrc"])
    assert "given=by-hand" in log and MARK not in log
    listed = [line for step in result.steps if step.instruction.startswith("RUN ls") for line in step.log]
    assert listed == ["file"]


@pytest.mark.parametrize("text, remedy", [
    ("RUN --mount=type=secret,id=tok,required=true echo x\n", "--secret id=tok,src=FILE"),
    ("RUN --mount=type=secret,id=npmrc cat /run/secrets/npmrc\n", "--lend npmrc")])
def test_a_command_that_lacks_its_secret_says_how_to_hand_it_over(engine, marked, text, remedy):
    with pytest.raises(BuildFailed) as caught:
        build(marked, text=f"FROM {BASE}\nRUN true\n{text}", no_cache=True, engine=engine)
    assert caught.value.line == 3 and remedy in caught.value.remedy


def test_the_legacy_builder_has_no_secrets(engine, marked):
    if "legacy" not in engine.builders:
        pytest.skip(f"{engine.name} has no legacy builder")
    with pytest.raises(CourseError, match="cannot be handed") as caught:
        build(marked, text=TEXT, builder="legacy", secrets={"tok": b"x"}, engine=engine)
    assert "buildkit" in caught.value.remedy
    with pytest.raises(BuildFailed) as caught:
        build(marked, text=TEXT, builder="legacy", engine=engine)
    assert "needs BuildKit" in caught.value.remedy


def test_without_a_session_it_says_why_nothing_can_be_mounted(engine, marked, monkeypatch):
    if "buildkit" not in engine.builders:
        pytest.skip("Podman is handed secrets without a session")
    monkeypatch.setattr(exchange, "upgradable", lambda engine: False)
    with pytest.raises(CourseError, match="Secrets cannot be handed"):
        build(marked, text=TEXT, engine=engine)


ASKS = r"""perl -MIO::Socket::UNIX -e '
$agent = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK}) or die "no agent: $!";
$agent->write("\0\0\0\1\x0b"); $agent->flush; $agent->read($head, 4);
$agent->read($key, unpack("N", $head)); print "agent: $key\n"'
"""


def test_a_command_uses_the_ssh_agent_that_the_user_hands_over(engine, marked, tmp_path):
    text = f"FROM {BASE}\nRUN --mount=type=ssh,id=mine {' '.join(ASKS.split(chr(10)))}\n"
    with agent(tmp_path / "agent", b"\0\0\0\x0b\x0ccourse-key") as asked:
        if "buildkit" not in engine.builders:
            with pytest.raises(CourseError, match="cannot be handed"):
                build(marked, text=text, ssh={"mine": str(tmp_path / "agent")}, engine=engine)
            return
        made = build(marked, text=text, ssh={"mine": str(tmp_path / "agent")}, no_cache=True, engine=engine)
        engine.client.images.remove(made.image, force=True)
        assert "course-key" in "".join(line for step in made.steps for line in step.log) and len(asked) == 1
        assert str(made.handed_over[0]) == "ssh mine (an ssh agent of yours)"
        with pytest.raises(BuildFailed) as caught:
            build(marked, text=text, no_cache=True, engine=engine)
    assert "--ssh mine" in caught.value.remedy and len(asked) == 1
