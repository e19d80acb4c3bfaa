"""What differs between engines, as far as the rest of the course has to know.

Nothing outside `helpers.engine` asks which engine it is: it asks for one of these.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What an engine can do. The defaults are those of a current Docker Engine.

    Of its builds:
    mounting            builders whose RUN can mount secrets and caches
    heredocs            builders that read heredocs
    rejects_heredocs    whether a builder that does not read them reports the line itself
    relative_mounts     whether the target of a mount may be a relative path
    cache_sees_mounts   whether the build cache takes notice of the files that a RUN mounts
    slowdown            how many times longer than elsewhere a build may take
    makes_bases         whether base images can be made in it
    keeps_failed_steps  whether BuildKit keeps the step that failed, with what it had written
    exports             what its BuildKit does besides an image for one platform, or its files: 'caches',
                        'platforms', ... (`helpers.builder.exports` has a sentence on each)

    Of its images:
    matches_any_prefix  whether it finds 'localhost/a/app:1' when asked for 'app:1'
    looks_into_registry whether it can look an image up in a registry without pulling it

    Of its containers:
    has_users           whether processes and files can belong to other users than root
    isolates_network    whether a command can be cut off from the network
    shares_network      whether a server listens on this machine's own ports, since the engine
                        can neither forward ports nor limit memory
    read_only_root      whether a container's file system can be read-only
    health_checks       whether it runs an image's HEALTHCHECK
    keeps_ulimits       whether its own resource limits stay where a container sets others
    fills_tmpfs         whether a tmpfs is filled with what the image has there, unless that is turned off
    prints_exec_errors  whether a command that is not in a container is reported in its output
    process_columns     whether it lists processes by columns of its own, without a ps
    """

    mounting: tuple[str, ...] = ("buildkit",)
    heredocs: tuple[str, ...] = ("buildkit",)
    rejects_heredocs: bool = False
    relative_mounts: bool = True
    cache_sees_mounts: bool = True
    slowdown: int = 1
    makes_bases: bool = True
    keeps_failed_steps: bool = True
    exports: tuple[str, ...] = ()
    matches_any_prefix: bool = False
    looks_into_registry: bool = True
    has_users: bool = True
    isolates_network: bool = True
    shares_network: bool = False
    read_only_root: bool = True
    health_checks: bool = True
    keeps_ulimits: bool = True
    fills_tmpfs: bool = False
    prints_exec_errors: bool = False
    process_columns: bool = False

    def mounts(self, builder: str) -> bool:
        """Whether a RUN of that builder can mount secrets and caches."""
        return builder in self.mounting
