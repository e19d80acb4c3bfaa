"""What a machine lends to a build: read from hand-made settings."""

import pytest

from helpers import dockerfile
from helpers.builder import host_secrets

ONE, TWO = (f"-----BEGIN CERTIFICATE-----\n{word}\n-----END CERTIFICATE-----" for word in ("abc", "xyz"))


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine that has set nothing; what it sets is put into the folder."""
    for name in host_secrets._NAMED:
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("npm_config_globalconfig", str(tmp_path / "global"))
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "user"))
    monkeypatch.setattr(host_secrets, "_ANCHORS", (str(tmp_path / "anchors"),))
    monkeypatch.setattr(host_secrets, "_BUNDLES", (str(tmp_path / "none"), str(tmp_path / "system.crt")))
    monkeypatch.setattr(host_secrets, "_pip_config", lambda: "")
    (tmp_path / "system.crt").write_text(f"# One\n{ONE}\n")
    return tmp_path


EVERY = """\
FROM a
RUN --mount=type=secret,id=trust --mount=type=secret,target=/root/npmrc,required=true \\
    --mount=type=cache,id=other,target=/x x
FROM b
RUN --mount=type=secret,source=pip.conf,target=/etc/pip.conf --mount=type=bind,from=a,target=/y y
COPY --from=a /z /z
"""


def parsed(text=EVERY):
    return dockerfile.parse(text, {})


# -- which are asked for -----------------------------------------------------------

def test_ids_of_mounted_secrets():
    assert host_secrets.mounted(parsed()) == {"trust", "npmrc", "pip.conf"}
    assert host_secrets.mounted(parsed("FROM a\nRUN --mount=type=cache,id=trust,target=/x x\nRUN echo secret,id=trust\n")) == set()
    assert host_secrets.mounted(parsed("FROM a\nRUN --mount=type=secret x\n")) == set()


def test_a_machine_that_has_set_nothing_lends_nothing(bare):
    assert host_secrets.lent(parsed()) == {}


def test_only_what_is_mounted_is_lent(bare, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(bare / "system.crt"))
    assert host_secrets.lent(parsed()).keys() == {"trust", "npmrc", "pip.conf"}
    assert host_secrets.lent(parsed("FROM a\nRUN --mount=type=secret,id=trust x\n")) == {"trust": f"{ONE}\n".encode()}
    assert host_secrets.lent(parsed("FROM a\nRUN --mount=type=secret,id=token x\n")) == {}


# -- certificates ------------------------------------------------------------------

def test_each_certificate_once_without_remarks():
    assert host_secrets.trusted([f"# first\n{ONE}\nwords\n{TWO}\n", f"{TWO}\n", "nothing"]) == f"{ONE}\n{TWO}\n"


@pytest.mark.parametrize("name", host_secrets._NAMED)
def test_certificates_that_the_environment_names(bare, monkeypatch, name):
    (bare / "corp.pem").write_text(TWO)
    monkeypatch.setenv(name, str(bare / "corp.pem"))
    assert host_secrets.lent(parsed())["trust"].decode() == f"{ONE}\n{TWO}\n"
    monkeypatch.setenv(name, str(bare / "not-there.pem"))
    assert host_secrets.lent(parsed()) == {}


def test_certificates_that_were_added_to_the_system(bare):
    (bare / "anchors/company").mkdir(parents=True)
    (bare / "anchors/README").write_text("how to add one")
    assert host_secrets.lent(parsed()) == {}
    (bare / "anchors/company/proxy.crt").write_text(TWO)   # the system's bundle has it by then
    assert host_secrets.lent(parsed())["trust"].decode() == f"{ONE}\n"


def test_certificates_that_npm_and_pip_were_told(bare, monkeypatch):
    (bare / "corp.pem").write_text(TWO)
    (bare / "user").write_text(f"cafile = {bare / 'corp.pem'}\n")
    assert TWO in host_secrets.lent(parsed())["trust"].decode()
    (bare / "user").unlink()
    assert host_secrets.lent(parsed()) == {}
    monkeypatch.setattr(host_secrets, "_pip_config", lambda: f"global.cert='{bare / 'corp.pem'}'\n")
    assert TWO in host_secrets.lent(parsed())["trust"].decode()


# -- npm -----------------------------------------------------------------------------

GLOBAL = "; of the machine\nregistry=https://far.example.org/\naudit=false\n#proxy=http://no.example.org\n"
USER = """\
registry = "https://npm.example.org/team/"
//npm.example.org/team/:_authToken=${TOKEN}
//elsewhere.example.org/:_authToken=other
@mine:registry=https://mine.example.org/
prefix=/home/somebody/.npm
"""


def test_npms_settings():
    found = host_secrets.npm_settings([GLOBAL, USER], {"TOKEN": "t0ken", "NPM_CONFIG_STRICT_SSL": "false", "PATH": "/bin"})
    assert found["registry"] == "https://npm.example.org/team/" and found["audit"] == "false"
    assert found["//npm.example.org/team/:_authToken"] == "t0ken" and found["strict-ssl"] == "false"
    assert "proxy" not in found and "#proxy" not in found
    assert host_secrets.npm_settings([USER], {"npm_config_registry": "https://env.example.org/"})["registry"] == "https://env.example.org/"


def test_the_npmrc_that_is_lent():
    settings = host_secrets.npm_settings([GLOBAL, USER], {"TOKEN": "t0ken"})
    lines = host_secrets.npmrc(settings, True, {"HTTPS_PROXY": "http://proxy.example.org:3128", "no_proxy": "localhost"}).splitlines()
    assert set(lines) == {
        "registry=https://npm.example.org/team/", "audit=false", "//npm.example.org/team/:_authToken=t0ken",
        "@mine:registry=https://mine.example.org/", "https-proxy=http://proxy.example.org:3128",
        "noproxy=localhost", "cafile=/run/secrets/trust"}
    assert host_secrets.npmrc({}, False, {}) == host_secrets.npmrc({"prefix": "/x", "cafile": "/y"}, False, {}) == ""


def test_no_password_without_its_registry():
    assert host_secrets.npmrc(host_secrets.npm_settings([USER.partition("\n")[2]], {}), False, {}) == (
        "@mine:registry=https://mine.example.org/\n")


def test_what_only_this_machine_reaches_stays_here():
    settings = {"registry": "http://localhost:4873/"}
    assert host_secrets.npmrc(settings, False, {"https_proxy": "http://127.0.0.1:3128"}) == ""


# -- pip -----------------------------------------------------------------------------

PIP = """\
:env:.timeout='90'
global.index-url='https://user:word@pypi.example.org/simple'
global.extra-index-url='file:///srv/simple http://127.0.0.1:3141/simple https://more.example.org/simple'
global.find-links='/srv/wheels'
global.timeout='30'
install.no-compile='true'
"""


def test_pips_settings():
    found = host_secrets.pip_settings(PIP)
    assert found["index-url"] == "https://user:word@pypi.example.org/simple"
    assert found["timeout"] == "90" and "no-compile" not in found


def test_the_pip_conf_that_is_lent():
    text = host_secrets.pip_conf(host_secrets.pip_settings(PIP), True, {"https_proxy": "http://proxy.example.org:3128"})
    assert text.splitlines()[0] == "[global]"
    assert set(text.splitlines()[1:]) == {
        "proxy = http://proxy.example.org:3128", "index-url = https://user:word@pypi.example.org/simple",
        "extra-index-url = https://more.example.org/simple", "timeout = 90", "cert = /run/secrets/trust"}
    assert host_secrets.pip_conf({"find-links": "/x"}, False, {}) == ""
