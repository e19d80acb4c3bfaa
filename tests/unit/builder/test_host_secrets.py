"""This machine's settings for package registries: read from hand-made files, and never with a password."""

import os

import pytest

from helpers.builder import host_secrets
from helpers.builder.host_secrets import IDS, npm_settings, pip_settings, without_credentials

ONE, TWO = (f"-----BEGIN CERTIFICATE-----\n{word}\n-----END CERTIFICATE-----" for word in ("abc", "xyz"))
KEY = "-----BEGIN PRIVATE KEY-----\nk3y\n-----END PRIVATE KEY-----"


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without settings; those it gets are written to the folder."""
    for name in {*host_secrets._NAMED, *(each for each in os.environ if each.startswith("PIP_"))}:
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


def values(wanted=IDS):
    return {name: secret.value.decode() for name, secret in host_secrets.host_secrets(wanted).items()}


def test_only_what_is_wanted_is_given_and_certificates_are_named_only_where_they_are_mounted_too(bare, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(bare / "system.crt"))
    assert values().keys() == set(IDS)
    assert "cafile=/run/secrets/trust" in values()["npmrc"] and "cert = /run/secrets/trust" in values()["pip.conf"]
    assert values(["trust", "token"]) == {"trust": f"{ONE}\n"}
    assert values(["token"]) == values([]) == {}
    (bare / "user").write_text("audit=false\n")
    assert values(["npmrc", "pip.conf"]) == {"npmrc": "audit=false\n"}


def test_each_certificate_once_without_remarks_and_without_keys():
    assert host_secrets.trusted([f"# first\n{ONE}\nwords\n{KEY}\n{TWO}\n", f"{TWO}\n", "nothing"]) == f"{ONE}\n{TWO}\n"


@pytest.mark.parametrize("name", host_secrets._NAMED)
def test_certificates_that_the_environment_names(bare, monkeypatch, name):
    (bare / "corp.pem").write_text(TWO)
    monkeypatch.setenv(name, str(bare / "corp.pem"))
    assert values()["trust"] == f"{ONE}\n{TWO}\n"
    monkeypatch.setenv(name, str(bare / "not-there.pem"))
    assert values() == {}


def test_certificates_that_were_added_to_the_system(bare):
    (bare / "anchors/company").mkdir(parents=True)
    (bare / "anchors/README").write_text("how to add one")
    assert values() == {}
    (bare / "anchors/company/proxy.crt").write_text(TWO)   # the system's bundle has it by then
    assert values()["trust"] == f"{ONE}\n"


def test_certificates_that_npm_and_pip_are_set_to(bare, monkeypatch):
    (bare / "corp.pem").write_text(TWO)
    (bare / "user").write_text(f"cafile = {bare / 'corp.pem'}\n")
    assert TWO in values()["trust"]
    (bare / "user").unlink()
    assert values() == {}    # a machine without settings gives nothing
    monkeypatch.setattr(host_secrets, "_pip_config", lambda: f"global.cert='{bare / 'corp.pem'}'\n")
    assert TWO in values()["trust"]


GLOBAL = "; of the machine\nregistry=https://far.example.org/\naudit=false\n#proxy=http://no.example.org\n"
USER = """\
registry = "https://someone:s3cret@npm.example.org/team/"
//npm.example.org/team/:_authToken=${TOKEN}
//npm.example.org/team/:certfile=/home/somebody/s3cret.pem
//elsewhere.example.org/:_password=s3cret
_auth=s3cret
key="s3cret"
email=s3cret@example.org
@mine:registry=https://mine.example.org/?s3cret
noproxy=localhost,10.0.0.0/8,.example.org
strict-ssl=s3cret
prefix=/home/somebody/.npm
"""


def test_an_npmrc_has_addresses_and_no_secret():
    found = host_secrets.npmrc(npm_settings([GLOBAL, USER], {"TOKEN": "s3cret"}), True,
                               {"HTTPS_PROXY": "http://me:s3cret@proxy.example.org:3128"})
    assert set(found.value.decode().splitlines()) == {
        "registry=https://npm.example.org/team/", "audit=false", "@mine:registry=https://mine.example.org/",
        "https-proxy=http://proxy.example.org:3128", "noproxy=localhost,10.0.0.0/8,.example.org",
        "cafile=/run/secrets/trust"}
    assert found.withheld == 9


@pytest.mark.parametrize("variable", [
    "npm_config_//npm.example.org/:_authToken", "npm_config__auth", "NPM_CONFIG__PASSWORD",
    "npm_config_//npm.example.org/:_password"])
def test_a_secret_of_npms_environment_stays_here(bare, monkeypatch, variable):
    monkeypatch.setenv(variable, "s3cret")
    monkeypatch.setenv("npm_config_registry", "https://npm.example.org/")
    assert values() == {"npmrc": "registry=https://npm.example.org/\n"}


@pytest.mark.parametrize("settings, environment", [
    ({"registry": "http://localhost:4873/"}, {"https_proxy": "http://127.0.0.1:3128"}), ({"prefix": "/x", "cafile": "/y"}, {})])
def test_what_only_this_machine_reaches_stays_here(settings, environment):
    assert host_secrets.npmrc(settings, False, environment).value == b""


PIP = """\
:env:.timeout='60'
global.index-url='https://user:s3cret@pypi.example.org/simple'
global.extra-index-url='file:///srv/simple http://127.0.0.1:3141/simple https://s3cret@more.example.org/simple https://c.example.org/s3cret00s3cret00/simple'
global.trusted-host='pypi.example.org:8080 more.example.org'
global.client-cert='/home/somebody/s3cret.pem'
global.find-links='/srv/wheels'
global.timeout='30'
global.proxy='user:s3cret@proxy.example.org:3128'
install.no-compile='true'
"""


def test_pips_variables_count_where_pip_is_not_installed(bare, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://10.0.0.1:8080/simple/")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "10.0.0.1")
    assert values(["pip.conf"])["pip.conf"].splitlines() == [
        "[global]", "index-url = http://10.0.0.1:8080/simple/", "trusted-host = 10.0.0.1"]


def test_a_pip_conf_has_addresses_and_no_secret():
    found = host_secrets.pip_conf(pip_settings(PIP, {"PIP_TIMEOUT": "90"}), True, {})
    first, *rest = found.value.decode().splitlines()
    assert first == "[global]" and set(rest) == {
        "proxy = proxy.example.org:3128", "index-url = https://pypi.example.org/simple",
        "extra-index-url = https://more.example.org/simple", "trusted-host = pypi.example.org:8080 more.example.org",
        "timeout = 90", "cert = /run/secrets/trust"}
    assert found.withheld == 4
    assert host_secrets.pip_conf({"find-links": "/x"}, False, {}) == host_secrets.HostSecret(b"")


@pytest.mark.parametrize("address, public", [
    ("https://pypi.example.org/simple", "https://pypi.example.org/simple"),
    ("https://pypi.example.org:8443/a-b/1.2/@scope", ""),
    ("https://user:pass@word@pypi.example.org/simple/", "https://pypi.example.org/simple/"),
    ("https://user:pa#ss?word@pypi.example.org/simple", "https://pypi.example.org/simple"),
    ("https://user:pa/ss@pypi.example.org/simple", ""),
    ("https://user:pa://ss@pypi.example.org/simple", ""),
    ("https://pypi.example.org/simple?token=word#part", "https://pypi.example.org/simple"),
    ("https://pypi.example.org/aB3dE6gH9jK2mN5p/simple", ""),
    ("https://pypi.example.org/3b9d1c24-51ce-4b16-b1d8-cb9d80a1b1a2/simple", "https://pypi.example.org/3b9d1c24-51ce-4b16-b1d8-cb9d80a1b1a2/simple"),
    ("user:word@proxy.example.org:3128", "proxy.example.org:3128"),
    ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
    ("", "")])
def test_the_public_part_of_an_address(address, public):
    assert without_credentials(address) == public
