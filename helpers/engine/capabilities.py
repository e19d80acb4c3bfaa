"""What differs between engines, as far as the rest of the course has to know. Nothing outside `helpers.engine` asks
which engine it is: it asks for one of these."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What an engine can do: with its builds, images and containers. The defaults are those of a current Docker
    Engine."""

    mounting: tuple[str, ...] = ("buildkit",)  # builders whose RUN can mount secrets and caches
    heredocs: tuple[str, ...] = ("buildkit",)  # builders that read heredocs
    rejects_heredocs: bool = False          # whether a builder that does not read them reports the line itself
    relative_mounts: bool = True            # whether the target of a mount may be a relative path
    cache_sees_mounts: bool = True          # whether the build cache takes notice of the files that a RUN mounts
    slowdown: int = 1                       # how many times longer than elsewhere a build may take
    makes_bases: bool = True                # whether base images can be made in it
    keeps_failed_steps: bool = True         # whether BuildKit keeps the step that failed, with what it had written
    exports: tuple[str, ...] = ()  # what else its BuildKit makes (`helpers.builder.exports` has a sentence on each)
    matches_any_prefix: bool = False        # whether it finds 'localhost/a/app:1' when asked for 'app:1'
    looks_into_registry: bool = True        # whether it can look an image up in a registry without pulling it
    has_users: bool = True                  # whether processes and files can belong to other users than root
    isolates_network: bool = True           # whether a command can be cut off from the network
    shares_network: bool = False            # whether a server listens on this machine's own ports: none are forwarded
    read_only_root: bool = True             # whether a container's file system can be read-only
    health_checks: bool = True              # whether it runs an image's HEALTHCHECK
    keeps_ulimits: bool = True              # whether its own resource limits stay where a container sets others
    fills_tmpfs: bool = False               # whether a tmpfs is filled with what the image has there, by default
    prints_exec_errors: bool = False        # whether a command that is not in a container is reported in its output
    process_columns: bool = False           # whether it lists processes by columns of its own, without a ps

    def mounts(self, builder: str) -> bool:
        """Whether a RUN of that builder can mount secrets and caches."""
        return builder in self.mounting
