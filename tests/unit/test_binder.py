"""The files for Binder, held to the rules of repo2docker itself."""

import os
import re
import subprocess

import pytest
import yaml

from tests import binder

ROOT = binder.ROOT
# Every file that some build pack of repo2docker looks for (its documentation, "Configuration files").
CONFIGURATION = ("environment.yml", "environment.yaml", "Pipfile", "Pipfile.lock", "requirements.txt", "setup.py",
                 "Project.toml", "REQUIRE", "install.R", "apt.txt", "DESCRIPTION", "postBuild", "start",
                 "runtime.txt", "default.nix", "Dockerfile")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return binder.copy(tmp_path_factory.mktemp("clone"))


@pytest.fixture(params=["linux/amd64", "linux/arm64"])
def pack(clone, request):
    with binder.chosen(clone, request.param) as pack:
        yield pack


def environment():
    return yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text())


def test_conda_is_what_it_builds_with(pack):
    assert type(pack).__name__ == "CondaBuildPack"
    assert pack.binder_dir == ".binder" and pack.environment_yaml_path == ".binder/environment.yml"


def test_python_is_the_one_that_the_environment_pins(pack):
    """Without a pin that it can read it would take a default of its own, silently."""
    pinned = next(each for each in environment()["dependencies"] if each.startswith("python="))
    assert pack.python_version == pinned.removeprefix("python=")
    assert not pack.separate_kernel_env
    pack.get_build_script_files()   # raises where there is no lock for it


def test_the_environment_is_a_layer_of_its_own(pack):
    """A `-e .` in it would have it solved again on every commit."""
    assert pack._should_preassemble_env
    assert pack.get_preassemble_script_files() == {".binder/environment.yml": ".binder/environment.yml"}


def test_the_packages_are_read_as_they_are_written(pack):
    text = pack.render(binder.arguments())
    (installed,) = re.findall(r"apt-get install --yes --no-install-recommends (.*) && \\", text)
    written = [line for line in (ROOT / ".binder/apt.txt").read_text().splitlines()
               if line and not line.startswith("#")]
    assert installed.split() == sorted(written)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name) for name in written)
    assert {"podman", "skopeo", "mmdebstrap", "debian-archive-keyring"} <= set(written)


def test_scripts_are_found_and_run(pack):
    assert pack.get_post_build_scripts() == [".binder/postBuild"]
    assert pack.get_start_script() == "${REPO_DIR}/.binder/start"
    for name in ("postBuild", "start"):
        path = ROOT / ".binder" / name
        assert os.access(path, os.X_OK) and path.read_text().startswith("#!/bin/bash\n")
        assert subprocess.run(["bash", "-n", path]).returncode == 0
    lines = (ROOT / ".binder/start").read_text().rstrip().splitlines()
    assert lines[-1] == 'exec "$@"'


def test_git_keeps_them_executable():
    listed = subprocess.run(["git", "ls-files", "--stage", ".binder"], cwd=ROOT, capture_output=True, text=True,
                            check=True).stdout
    modes = {line.split("\t")[1]: line.split()[0] for line in listed.splitlines()}
    assert modes[".binder/postBuild"] == modes[".binder/start"] == "100755"
    assert modes[".binder/environment.yml"] == "100644"   # a link's target would not be in the context


def test_no_file_in_the_root_is_hidden_by_the_folder(clone):
    """With a `.binder` folder repo2docker looks nowhere else, and says nothing of it."""
    for name in CONFIGURATION:
        if (clone / name).exists():
            assert (clone / name).samefile(clone / ".binder" / name), name
    assert not (clone / "binder").exists()


def test_what_it_renders_ends_in_its_own_entry_point(pack):
    text = pack.render(binder.arguments())
    assert re.match(r"\nFROM \S*(ubuntu|buildpack-deps):", text)
    at = [text.index(part) for part in ("apt-get install --yes", "env update", "COPY --chown=1000:1000 src/ ${REPO_DIR}/",
                                        "USER ${NB_USER}\n\n# Make sure", "RUN ./.binder/postBuild", "R2D_ENTRYPOINT",
                                        "ENTRYPOINT")]
    assert at == sorted(at)


@pytest.fixture
def said(tmp_path, clone):
    """Run a script of the clone with a Python that writes its arguments down; (exit code, calls)."""
    calls = tmp_path / "calls"
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()

    def run(name, *words, failing="", **more):
        python.write_text(
            f'#!/bin/bash\necho "$PWD: $*" >> "{calls}"\n'
            f'[ "$1" = -c ] && echo "{tmp_path}/prefix"\ncase "$*" in *"{failing or "nothing"}"*) exit 1;; esac\n')
        python.chmod(0o755)
        done = subprocess.run([clone / ".binder" / name, *words], capture_output=True, text=True, cwd="/",
                              env={"PATH": f"{python.parent}:{os.environ['PATH']}", "HOME": str(tmp_path),
                                   "TMPDIR": str(tmp_path), **more})
        return done, lambda: [line.replace(str(clone), "REPO") for line in calls.read_text().splitlines()]

    return run


def test_post_build_installs_the_package_alone_and_fills_a_kit_within_its_budget(said, tmp_path):
    done, calls = said("postBuild")
    assert done.returncode == 0, done.stderr
    install, _, bases, engine = calls()
    assert install.startswith("REPO: -m pip install --no-deps") and install.endswith("--editable .")
    assert bases == "REPO: -m helpers bases --without-engine --save .kit --budget 400"
    assert engine == "REPO: -m helpers engine fetch-proot"
    assert (tmp_path / "prefix/share/jupyter/lab/settings/overrides.json").exists()


def test_post_build_goes_on_without_a_registry_and_not_without_the_helpers(said):
    done, calls = said("postBuild", failing="helpers bases")
    assert done.returncode == 0 and "Not every base image" in done.stdout and "fetch-proot" in calls()[-1]
    done, calls = said("postBuild", failing="fetch-proot")
    assert done.returncode == 0 and "PRoot could not be fetched" in done.stdout
    done, calls = said("postBuild", failing="pip install")
    assert done.returncode == 1


@pytest.mark.parametrize("failing", ["", "helpers bases"])
def test_a_start_becomes_the_command_and_waits_for_nothing(said, failing):
    done, calls = said("start", "bash", "-c", "echo $$ $PPID \"$0\" \"$1\"; for n in {1..999}; do test -s \"$HOME/calls\" && break; sleep 0.01; done", "a b", "c", failing=failing)
    assert done.returncode == 0 and done.stdout.endswith(" a b c\n")
    assert calls() == ["REPO: -m helpers bases --offline"]


def test_the_exit_code_of_the_command_is_the_sessions(said):
    assert said("start", "bash", "-c", "exit 7")[0].returncode == 7
