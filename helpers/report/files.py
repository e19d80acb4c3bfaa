"""What a file is for, by its path: a cache, source, a test, or something to build with.

Source of the paths: the manuals of the tools that write them.
"""

import re
from collections.abc import Iterator, Mapping

from ..inventory import BUILDING, Inventory

FILE = ord("f")    # the kind of a regular file in a layer's entries

# (pattern of the path, what it is)
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

# Languages whose source is not needed to run.
_SOURCES = re.compile(r"\.(?:go|c|cc|cpp|cxx|h|hh|hpp|rs|java|kt|kts|scala|swift|cs|fs|vb|zig|nim|hs|ml|f90|"
                      r"tsx?|jsx|vue|svelte|scss|less|pas|d)$|/(?:go\.(?:mod|sum)|Cargo\.(?:toml|lock)|pom\.xml|"
                      r"build\.gradle(?:\.kts)?|CMakeLists\.txt|Makefile|Dockerfile[^/]*|tsconfig\.json)$")
_TESTS = re.compile(r"/(?:tests?|__tests__|spec|testdata|fixtures)/|"
                    r"_test\.(?:go|py|rb)$|/test_[^/]+\.py$|\.(?:test|spec)\.[cm]?[jt]sx?$|_spec\.rb$")
_HISTORY = re.compile(r"/\.(?:git|hg|svn)/")
INSTALLED = re.compile(r"/(?:node_modules|site-packages|dist-packages|vendor|gems)/")

# What only a compiler reads.
_MATERIAL = re.compile(r"^/usr/(?:local/)?include/|^/usr/lib(?:exec)?/gcc[^/]*/|/jmods/|"
                       r"\.(?:a|o|h|hpp|la|pc|jmod)$|/lib/src\.zip$")

NODE_PACKAGE = re.compile(r"/(node_modules/(?:.*/node_modules/)?((?:@[^/]+/)?[^/]+))/")


def cache(path: str) -> str:
    """Whose cache contains a file, '' for none."""
    return next((whose for where, whose in _CACHES if where.search(path)), "")


def cache_folder(path: str) -> str:
    """The folder of the cache that contains a file, with a slash at its end; '' for none."""
    found = next(filter(None, (where.search(path) for where, _ in _CACHES)), None)
    return path[:found.end()] if found else ""


def unused_kind(path: str) -> str:
    """'sources', 'tests' or 'version control' for a file that is not needed to run, '' for any other, and for the files
    of installed packages."""
    if _HISTORY.search(path):
        return "version control"
    if INSTALLED.search(path):
        return ""
    if _TESTS.search(path):
        return "tests"
    return "sources" if _SOURCES.search(path) and not path.endswith(".d.ts") else ""


class BuildFiles:
    """The files of an image that only building reads: build tools and their files."""

    def __init__(self, inventory: Inventory):
        self._tools = {tool.path for tool in inventory.kind(*BUILDING)}
        self._folders = tuple(_homes(inventory))

    def __contains__(self, path: str) -> bool:
        return path in self._tools or path.startswith(self._folders) or _MATERIAL.search(path) is not None


def _homes(inventory: Inventory) -> Iterator[str]:
    """The folders of whole tool chains: that of the `go` command, and of rustc."""
    for tool in inventory.kind(*BUILDING):
        folder, _, name = tool.path.rpartition("/")
        if name in ("go", "rustc") and folder.endswith("/bin") and folder not in ("/bin", "/usr/bin", "/usr/local/bin"):
            yield folder.removesuffix("bin")


def visible_files(inventory: Inventory, index: int) -> Mapping[str, int]:
    """{path: bytes} of a layer's files that a container sees, without hard links."""
    entries = inventory.tree.entries[index]
    return {entries.paths[row]: entries.sizes[row] for row in inventory.tree.visible(index)
            if entries.kinds[row] == FILE}
