"""repo2docker's view of the project: which files it takes, and the Dockerfile that it makes.

What is rendered here is what mybinder.org builds, but for two things that no package
registry has: Ubuntu's image and conda. `substituted` puts others in their place.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import yaml

from helpers.bases import aptsources

ROOT = Path(__file__).resolve().parents[1]
USER, UID = "jovyan", "1000"
BASE = "debian:bookworm-slim"
APT = "apt.conf"
PIP = {"docker-py": "docker", "matplotlib-base": "matplotlib"}   # conda-forge's name: pip's


def copy(folder: Path) -> Path:
    """The working tree as a clone has it: what git knows or would add, with its modes."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
                            cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, folder / name
        if name == ".venv" or not (source.exists() or source.is_symlink()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
    return folder


@contextmanager
def chosen(clone: Path, platform: str = "linux/amd64", base: str | None = None) -> Iterator[object]:
    """The build pack that repo2docker chooses for a clone. It looks at the folder it is in."""
    from repo2docker.app import Repo2Docker

    app = Repo2Docker()
    with chdir(clone):
        for kind in app.buildpacks:
            pack = kind(base_image=base or app.base_image)
            pack.platform = platform
            if pack.detect():
                yield pack
                return
    raise AssertionError("repo2docker finds nothing to build")


def arguments() -> dict[str, str]:
    """The build arguments that repo2docker gives."""
    return {"NB_USER": USER, "NB_UID": UID}


def context(folder: Path, mirror: str) -> str:
    """Write the build context that repo2docker sends into `folder`; its Dockerfile's text.

    Changed in it: the base image, the installer of conda, that commands which ask
    registries are lent what this machine has for that, what this machine's apt is told of
    its archive, and the mirror that postBuild asks.
    """
    clone = copy(folder / "src")
    with chosen(clone, base=BASE) as pack:
        text = pack.render(arguments())
        for name in sorted(pack.get_build_script_files()):
            inside, source = pack.generate_build_context_filename(name)
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / inside)
            if name.endswith("install-base-env.bash"):
                (folder / inside).write_text(_INSTALLER.format(
                    requirements=" ".join(f"'{each}'" for each in requirements(clone))))
        from repo2docker.buildpacks import base
        for name in ("repo2docker-entrypoint", "python3-login"):
            shutil.copy(Path(base.__file__).parent / name, folder / name)
    (folder / APT).write_text("".join(f"{line}\n" for line in aptsources.options()))
    return substituted(text, mirror)


def substituted(text: str, mirror: str) -> str:
    """The Dockerfile with lent secrets on what asks PyPI, and a mirror for postBuild."""
    lent = ("--mount=type=secret,id=pip.conf,target=/etc/pip.conf,mode=0444 "
            "--mount=type=secret,id=trust,mode=0444 ")
    text = re.sub(r"^RUN (?=TIMEFORMAT|\./)", f"RUN {lent}", text, flags=re.M)
    assert text.count(lent) == 3, "conda's installation, its update, postBuild"
    before, post, after = text.partition("RUN chmod +x .binder/postBuild")
    assert post
    return f"{before}COPY {APT} /etc/apt/apt.conf.d/99machine\nENV MULTISTAGE_MIRROR={mirror}\n{post}{after}"


def requirements(clone: Path) -> list[str]:
    """What `environment.yml` asks of conda, as pip calls it."""
    listed = yaml.safe_load((clone / ".binder" / "environment.yml").read_text())["dependencies"]
    names = [each for each in listed if isinstance(each, str) and not re.match(r"(python|pip)(?![\w.-])", each)]
    pip = [name for each in listed if isinstance(each, dict) for name in each["pip"]]
    return [re.sub(r"^[\w.-]+", lambda name: PIP.get(name[0], name[0]), each) for each in names] + pip


# A virtual environment where conda's would be, and a `mamba` that fills it as asked.
_INSTALLER = r"""#!/bin/bash
set -euo pipefail
apt-get -qq update
apt-get -qq install --yes --no-install-recommends python3-venv > /dev/null
rm -rf /var/lib/apt/lists/*
mkdir -p "$CONDA_DIR/bin" /etc/profile.d
python3 -m venv "$NB_PYTHON_PREFIX"
cat > "$CONDA_DIR/bin/mamba" <<'END'
#!/bin/bash
set -euo pipefail
[ "$1" = env ] || exit 0
[ "$2 $3 $4 $5" = "update -p $NB_PYTHON_PREFIX --file" ] && [ -f "$6" ]
"$NB_PYTHON_PREFIX/bin/pip" install --no-cache-dir --quiet {requirements}
END
chmod +x "$CONDA_DIR/bin/mamba"
# A login shell begins with a PATH of its own; activating puts the environment in front again.
echo 'export PATH="$NB_PYTHON_PREFIX/bin:$PATH"' > /etc/profile.d/activate-conda.sh
chown -R "$NB_USER:$NB_USER" "$CONDA_DIR"
"""
