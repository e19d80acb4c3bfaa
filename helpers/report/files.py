"""What a file is for, by its path: a cache, a source, a test, something to build with.

Paths are conventions of the tools that write them, each named in its manual.
"""

import re
from collections.abc import Iterator, Mapping

from ..inventory import BUILDING, Inventory

FILE = ord("f")    # the kind of a regular file in a layer's entries

# (where, whose); the path ends in a slash or goes on.
_CACHES = tuple((re.compile(pattern), whose) for pattern, whose in (
    (r"^/var/lib/apt/lists/(?!lock$|partial/?$)", "apt's package lists"),
    (r"^/var/cache/apt/", "apt's archives"),
    (r"^/var/cache/apk/|^/etc/apk/cache/", "apk's packages"),
    (r"^/var/cache/(?:dnf|libdnf5|yum|zypp|pacman/pkg)/", "the package manager's downloads"),
    (r"/\.cache/pip/", "pip's downloads"),
    (r"/\.cache/(?:uv|pypoetry|pipenv)/", "a Python installer's downloads"),
    (r"/\.npm/_cacache/", "npm's downloads"),
    (r"/(?:\.cache|share/\.cache)/yarn/|/\.yarn/berry/cache/", "yarn's downloads"),
    (r"/\.local/share/pnpm/store/|/\.pnpm-store/|/\.cache/pnpm/", "pnpm's store"),
    (r"/\.bun/install/cache/", "bun's downloads"),
    (r"/\.cache/node-gyp/|/\.node-gyp/", "node-gyp's headers"),
    (r"/\.cache/go-build/", "Go's build cache"),
    (r"/go/pkg/mod/", "Go's downloaded modules"),
    (r"/(?:\.cargo|usr/local/cargo)/(?:registry|git)/", "Cargo's downloads"),
    (r"/\.m2/repository/", "Maven's downloads"),
    (r"/\.gradle/(?:caches|wrapper)/", "Gradle's caches"),
    (r"/\.composer/cache/|/\.cache/composer/", "Composer's downloads"),
    (r"/usr/local/bundle/cache/|/\.bundle/cache/", "Bundler's downloads"),
    (r"/(?:opt/)?(?:mini|ana)?conda\d?/pkgs/", "conda's downloads"),
    (r"/\.(?:cache/)?ccache/", "ccache"),
))

# Languages whose source is no part of what runs.
_SOURCES = re.compile(r"\.(?:go|c|cc|cpp|cxx|h|hh|hpp|rs|java|kt|kts|scala|swift|cs|fs|vb|zig|nim|hs|ml|f90|"
                      r"tsx?|jsx|vue|svelte|scss|less|pas|d)$|/(?:go\.(?:mod|sum)|Cargo\.(?:toml|lock)|pom\.xml|"
                      r"build\.gradle(?:\.kts)?|CMakeLists\.txt|Makefile|Dockerfile[^/]*|tsconfig\.json)$")
_TESTS = re.compile(r"/(?:tests?|__tests__|spec|testdata|fixtures)/|"
                    r"_test\.(?:go|py|rb)$|/test_[^/]+\.py$|\.(?:test|spec)\.[cm]?[jt]sx?$|_spec\.rb$")
_HISTORY = re.compile(r"/\.(?:git|hg|svn)/")
INSTALLED = re.compile(r"/(?:node_modules|site-packages|dist-packages|vendor|gems)/")

# What only a compiler reads, wherever it lies.
_MATERIAL = re.compile(r"^/usr/(?:local/)?include/|^/usr/lib(?:exec)?/gcc[^/]*/|/jmods/|"
                       r"\.(?:a|o|h|hpp|la|pc|jmod)$|/lib/src\.zip$")

NODE_PACKAGE = re.compile(r"/(node_modules/(?:.*/node_modules/)?((?:@[^/]+/)?[^/]+))/")


def cache(path: str) -> str:
    """Whose cache a file is in, '' for none."""
    return next((whose for where, whose in _CACHES if where.search(path)), "")


def cache_folder(path: str) -> str:
    """The folder of the cache that a file is in, with a slash at its end; '' for none."""
    found = next(filter(None, (where.search(path) for where, _ in _CACHES)), None)
    return path[:found.end()] if found else ""


def unused_kind(path: str) -> str:
    """'sources', 'tests' or 'version control' for a file that does not run, '' for any
    other. What an installer brought has them too, and there they are its own affair."""
    if _HISTORY.search(path):
        return "version control"
    if INSTALLED.search(path):
        return ""
    if _TESTS.search(path):
        return "tests"
    return "sources" if _SOURCES.search(path) and not path.endswith(".d.ts") else ""


class BuildFiles:
    """The files of an image that only building reads: its tools, and what is theirs."""

    def __init__(self, inventory: Inventory):
        self._tools = {tool.path for tool in inventory.kind(*BUILDING)}
        self._folders = tuple(_homes(inventory))

    def __contains__(self, path: str) -> bool:
        return path in self._tools or path.startswith(self._folders) or _MATERIAL.search(path) is not None


def _homes(inventory: Inventory) -> Iterator[str]:
    """Folders that are a tool chain as a whole: that of the `go` command, of rustc."""
    for tool in inventory.kind(*BUILDING):
        folder, _, name = tool.path.rpartition("/")
        if name in ("go", "rustc") and folder.endswith("/bin") and folder not in ("/bin", "/usr/bin", "/usr/local/bin"):
            yield folder.removesuffix("bin")


def visible_files(inventory: Inventory, index: int) -> Mapping[str, int]:
    """{path: bytes} of a layer's files that a container sees; a hard link counts nothing."""
    entries = inventory.tree.entries[index]
    return {entries.paths[row]: entries.sizes[row] for row in inventory.tree.visible(index)
            if entries.kinds[row] == FILE}

