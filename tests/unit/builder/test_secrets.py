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


def test_the_course_owns_its_applications_and_nothing_else(tmp_path):
    apps, exercises, _ = paths.applications()
    assert course_owns(apps / "node-site", "Dockerfile.single") and course_owns(exercises / "07-serve-a-site")
    assert course_owns(exercises / "07-serve-a-site", "work/Dockerfile")
    assert not course_owns(tmp_path) and not course_owns(apps.parent) and not course_owns(exercises.parent)


    # nor with a Dockerfile from elsewhere
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    assert not course_owns(apps / "node-site", str(tmp_path / "Dockerfile"))
    assert not course_owns(apps / "node-site", "../../../Dockerfile")
    assert not course_owns(apps / ".." / ".." / ".." )
    assert lent_by_default(tmp_path) == () and lent_by_default(apps / "node-site") == host_secrets.IDS


def test_a_link_does_not_make_a_folder_ours(tmp_path, monkeypatch):
    ours, theirs = tmp_path / "apps", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    (ours / "link").symlink_to(theirs)
    (ours / "Dockerfile").symlink_to(theirs / "Dockerfile")
    monkeypatch.setattr(paths, "applications", lambda: (ours,))
    assert not course_owns(ours / "link") and not course_owns(ours) and course_owns(ours, "other")


def test_what_is_lent_is_what_is_mounted_and_allowed(generous):
    values, said = collect(parse(EVERY), {}, ["npmrc", "trust"])
    assert values == {"npmrc": b"of npmrc", "trust": b"of trust"}
    assert said == (HandedOver("npmrc", "this machine's npm settings, without its passwords"),
                    HandedOver("trust", "this machine's certificates"))
    assert collect(parse(EVERY), {}, ()) == ({}, ())
    assert collect(parse("FROM a\nRUN --mount=type=secret,id=token x\n"), {}, host_secrets.IDS) == ({}, ())


def test_what_is_given_is_not_replaced(generous):
    values, said = collect(parse(EVERY), {"npmrc": b"mine", "token": b"t"}, ["npmrc"])
    assert values == {"npmrc": b"mine", "token": b"t"}
    assert said == (HandedOver("npmrc", "given explicitly"), HandedOver("token", "given explicitly"))


def test_what_no_machine_lends_is_refused():
    with pytest.raises(CourseError, match="cannot lend 'token'") as caught:
        collect(parse(EVERY), {}, ["token"])
    assert "--secret id=token,src=FILE" in caught.value.remedy


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A file and a variable, each with a value of its own."""
    (tmp_path / "token,file").write_bytes(b"of the file\n")
    monkeypatch.setenv("TOKEN", "of the variable")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("text, expected", [
    ('id=a,"src=token,file"', b"of the file\n"), ('id=a,"source=token,file"', b"of the file\n"),
    ('type=file,id=a,"src=token,file"', b"of the file\n"), ("id=a,env=TOKEN", b"of the variable"),
    ("type=env,id=a,src=TOKEN", b"of the variable"), ("ID=a,Env=TOKEN", b"of the variable")])
def test_an_option_as_docker_has_it(token, text, expected):
    assert option(text) == ("a", expected)
    # Without a source it is the variable, or else the file, of that name.
    assert option("id=TOKEN") == ("TOKEN", b"of the variable")
    assert option('"id=token,file"') == ("token,file", b"of the file\n")


@pytest.mark.parametrize("text, why", [
    ("", "no id"), ("src=x", "no id"), ("token", "is not one of"), ("id=a,what=b", "is not one of"),
    ("id=a,type=ssh", "is not one of"), ("id=a,src=nowhere", "no file nowhere"), ("id=a,src=.", "no file"),
    ("id=a,env=NOT_SET", "no environment variable NOT_SET"), ("id=nowhere", "no file nowhere")])
def test_what_is_no_secret_is_refused(token, text, why):
    with pytest.raises(CourseError, match="cannot be used") as caught:
        option(text)
    assert why in caught.value.why and "src=FILE" in caught.value.remedy


def test_a_secret_that_no_builder_takes_is_refused(tmp_path, monkeypatch):
    (tmp_path / "large").write_bytes(b"x" * (secrets._LARGEST + 1))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError) as caught:
        option("id=a,src=large")
    assert "500 kB" in caught.value.why
