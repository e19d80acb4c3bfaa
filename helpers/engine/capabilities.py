"""The differences between engines. Code outside `helpers.engine` asks for a capability, never for the engine's
name."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What an engine can do. The defaults are those of a current Docker Engine."""

    mounting: tuple[str, ...] = ("buildkit",)  # builders whose RUN can mount secrets and caches
    heredocs: tuple[str, ...] = ("buildkit",)  # builders that read heredocs
    rejects_heredocs: bool = False          # whether a builder that cannot read them reports the line itself
    relative_mounts: bool = True            # whether the target of a mount may be a relative path
    cache_sees_mounts: bool = True          # whether the build cache notices changes in files that a RUN mounts
    slowdown: int = 1                       # factor by which a build may take longer than in other engines
    makes_bases: bool = True                # whether base images can be made in it
    keeps_failed_steps: bool = True         # whether BuildKit keeps the files of the step that failed
    exports: tuple[str, ...] = ()  # what else its BuildKit exports (described in `helpers.builder.exports`)
    matches_any_prefix: bool = False        # whether it finds 'localhost/a/app:1' when asked for 'app:1'
    looks_into_registry: bool = True        # whether it can look up an image in a registry without pulling it
    has_users: bool = True                  # whether processes and files can belong to users other than root
    isolates_network: bool = True           # whether a command can be denied the network
    shares_network: bool = False            # whether containers listen on this machine's ports, without forwarding
    read_only_root: bool = True             # whether a container's file system can be read-only
    health_checks: bool = True              # whether it runs an image's HEALTHCHECK
    keeps_ulimits: bool = True              # whether its resource limits still apply if a container sets others
    fills_tmpfs: bool = False               # whether a tmpfs is by default filled with the image's files
    prints_exec_errors: bool = False        # whether a command missing in a container is reported in the output
    process_columns: bool = False           # whether it lists processes by its own columns, without a ps

    def mounts(self, builder: str) -> bool:
        """Whether a RUN of that builder can mount secrets and caches."""
        return builder in self.mounting
