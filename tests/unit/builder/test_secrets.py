"""Which secrets a build is given, and by whose word."""

import pytest

from helpers import paths
from helpers.builder import host_secrets, secrets
from helpers.builder.secrets import HandedOver, collect, course_owns, lent_by_default, mounted, option
from helpers.dockerfile import parse
from helpers.errors import CourseError

EVERY = """\
FROM a
RUN --mount=type=secret,id=trust --mount=type=secret,target=/root/npmrc,required=true \\
    --mount=type=cache,id=other,target=/x x
FROM b
RUN --mount=type=Secret,source=pip.conf,id=other,target=/etc/pip.conf --mount=type=bind,from=a,target=/y y
RUN --mount=type=secret,id=token,required z
RUN --mount=type=secret,id=key,required=false z
COPY --from=a /z /z
"""


def test_ids_of_mounted_secrets_and_ssh_agents():
    assert mounted(parse(EVERY)) == {"trust", "npmrc", "pip.conf", "token", "key"}
    assert mounted(parse("FROM a\nRUN --mount=type=cache,id=trust,target=/x x\nRUN echo secret,id=trust\n")) == set()
    assert mounted(parse("FROM a\nRUN --mount=type=secret x\n")) == set()
    text = "FROM a\nRUN --mount=type=ssh x\nRUN --mount=type=ssh,id=mine --mount=type=secret,id=k x\n"
    handed = [(kind, name, each.line) for each in parse(text).instructions for kind, name, _ in each.handed]
    assert handed == [("ssh", "default", 2), ("ssh", "mine", 3), ("secret", "k", 3)]


@pytest.fixture
def generous(monkeypatch):
    """A machine that has settings for every id."""
    monkeypatch.setattr(host_secrets, "host_secrets", lambda wanted: {
        name: host_secrets.HostSecret(f"of {name}".encode(), name == "npmrc") for name in sorted(wanted)})


def test_the_course_owns_its_applications_and_nothing_else(tmp_path, monkeypatch):
    apps, exercises, _ = paths.applications()
    assert course_owns(apps / "node-site", "Dockerfile.single") and course_owns(exercises / "07-serve-a-site")
    assert course_owns(exercises / "07-serve-a-site", "work/Dockerfile")
    assert not any(map(course_owns, (tmp_path, apps.parent, exercises.parent, apps / ".." / ".." / "..")))
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")    # nor with a Dockerfile from elsewhere
    assert not course_owns(apps / "node-site", str(tmp_path / "Dockerfile"))
    assert not course_owns(apps / "node-site", "../../../Dockerfile")
    assert lent_by_default(tmp_path) == () and lent_by_default(apps / "node-site") == host_secrets.IDS
    ours, theirs = tmp_path / "apps", tmp_path / "theirs"    # a link does not make a folder ours
    ours.mkdir()
    theirs.mkdir()
    (ours / "link").symlink_to(theirs)
    (ours / "Dockerfile").symlink_to(theirs / "Dockerfile")
    monkeypatch.setattr(paths, "applications", lambda: (ours,))
    assert not course_owns(ours / "link") and not course_owns(ours) and course_owns(ours, "other")


GIVEN, LENT = HandedOver("npmrc", "given explicitly"), HandedOver("npmrc", "this machine's npm settings, without its passwords")


@pytest.mark.parametrize("text, given, lend, values, said", [
    (EVERY, {}, ["npmrc", "trust"], {"npmrc": b"of npmrc", "trust": b"of trust"}, (LENT, HandedOver("trust", "this machine's certificates"))),
    (EVERY, {}, (), {}, ()), ("FROM a\nRUN --mount=type=secret,id=token x\n", {}, host_secrets.IDS, {}, ()),
    (EVERY, {"npmrc": b"mine", "token": b"t"}, ["npmrc"], {"npmrc": b"mine", "token": b"t"}, (GIVEN, HandedOver("token", "given explicitly")))])
def test_what_is_mounted_and_allowed_is_lent_and_replaces_nothing_given(generous, text, given, lend, values, said):
    assert collect(parse(text), given, lend) == (values, said)


def test_what_no_machine_lends_is_refused():
    with pytest.raises(CourseError, match="cannot lend 'token'") as caught:
        collect(parse(EVERY), {}, ["token"])
    assert "--secret id=token,src=FILE" in caught.value.remedy


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A file and a variable, each with a value of its own."""
    (tmp_path / "token,file").write_bytes(b"of the file\n")
    (tmp_path / "large").write_bytes(b"x" * (secrets._LARGEST + 1))    # no builder takes it
    monkeypatch.setenv("TOKEN", "of the variable")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("text, name, expected", [
    ('id=a,"src=token,file"', "a", b"of the file\n"), ('id=a,"source=token,file"', "a", b"of the file\n"),
    ('type=file,id=a,"src=token,file"', "a", b"of the file\n"), ("id=a,env=TOKEN", "a", b"of the variable"),
    ("type=env,id=a,src=TOKEN", "a", b"of the variable"), ("ID=a,Env=TOKEN", "a", b"of the variable"),
    # Without a source it is the variable, or else the file, of that name.
    ("id=TOKEN", "TOKEN", b"of the variable"), ('"id=token,file"', "token,file", b"of the file\n")])
def test_an_option_as_docker_has_it(token, text, name, expected):
    assert option(text) == (name, expected)


@pytest.mark.parametrize("text, why", [
    ("", "no id"), ("src=x", "no id"), ("token", "is not one of"), ("id=a,what=b", "is not one of"),
    ("id=a,type=ssh", "is not one of"), ("id=a,src=nowhere", "no file nowhere"), ("id=a,src=.", "no file"),
    ("id=a,env=NOT_SET", "no environment variable NOT_SET"), ("id=nowhere", "no file nowhere"), ("id=a,src=large", "500 kB")])
def test_what_is_no_secret_is_refused(token, text, why):
    with pytest.raises(CourseError, match="cannot be used") as caught:
        option(text)
    assert why in caught.value.why and "src=FILE" in caught.value.remedy
