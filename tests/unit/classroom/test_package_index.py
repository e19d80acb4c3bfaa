"""A kit's packages, as pip and npm get them over HTTP."""

import io
import json
import subprocess
import sys
import tarfile
import threading
import urllib.error
import urllib.request
import zipfile

import pytest

from helpers.classroom import package_index


def wheel(place, name, version):
    """Write a wheel without modules."""
    with zipfile.ZipFile(place / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        info = f"{name}-{version}.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def npm_archive(place, name, version):
    content = json.dumps({"name": name, "version": version, "dependencies": {"x": "1"}}).encode()
    with tarfile.open(place / f"{name.strip('@').replace('/', '-')}-{version}.tgz", "w:gz") as archive:
        info = tarfile.TarInfo("package/package.json")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit")
    for name in ("wheels", "npm"):
        (folder / name).mkdir()
    (folder / "index.json").write_text("{}")
    wheel(folder / "wheels", "Some_Thing", "1.0")
    (folder / "wheels" / "other-2.0.tar.gz").touch()
    for version in ("1.9.0", "1.10.0", "2.0.0-rc.1"):
        npm_archive(folder / "npm", "@scope/part", version)
    server = package_index.server(folder, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def get(address):
    with urllib.request.urlopen(address) as answer:
        return answer.read()


def test_pip_installs_from_it(address, tmp_path):
    done = subprocess.run([sys.executable, "-m", "pip", "--isolated", "download", "--quiet", "--no-deps", "--no-cache-dir",
                           "--index-url", f"{address}/simple/", "--dest", tmp_path, "some.thing==1.0"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["Some_Thing-1.0-py3-none-any.whl"]


def test_a_source_archive_is_listed_under_its_name(address):
    assert b'href="/wheels/other-2.0.tar.gz"' in get(f"{address}/simple/other/")


def test_npm_finds_versions_digests_and_addresses(address):
    found = json.loads(get(f"{address}/registry/@scope%2fpart"))
    assert found["dist-tags"] == {"latest": "1.10.0"} and set(found["versions"]) == {"1.9.0", "1.10.0", "2.0.0-rc.1"}
    newest = found["versions"]["1.10.0"]
    assert newest["dependencies"] == {"x": "1"} and newest["dist"]["integrity"].startswith("sha512-")
    assert newest["dist"]["tarball"].startswith(f"{address}/npm/")
    with tarfile.open(fileobj=io.BytesIO(get(newest["dist"]["tarball"]))) as archive:
        assert json.load(archive.extractfile("package/package.json"))["version"] == "1.10.0"


@pytest.mark.parametrize("path", ["simple/none/", "registry/none", "index.json", "wheels/../index.json", ".lock", ""])
def test_nothing_else_is_served(address, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{address}/{path}")
    assert caught.value.code == 404
    caught.value.close()
