"""The labels of what the course makes.

Every image, container, network and volume of the course has the label `multistage.course`. Images built on one and its
containers inherit its labels, so `clean` trusts a label only if its value matches: the image's name, the container's
kind.
"""

COURSE = "multistage.course"               # its value is the kind: one of those below
NAME = "multistage.course.name"            # the name that a build gave its image
STANDS_ON = "multistage.course.stands-on"  # the base image of a built image
STAND_IN = "multistage.course.stand-in"    # the reference that a stand-in replaces
MADE_OF = "multistage.course.made-of"      # a stand-in's ingredients, for people

BASE = "base"    # a base image that the course pulled or made
STEP = "step"    # a part of a stand-in
BUILD = "build"  # built by `helpers.builder`
RUN = "run"      # a container that a lesson runs
CLASS = "class"  # of a class: removed by `make class-stop`, not by `clean`


def marked(kind: str, **extra: str) -> dict[str, str]:
    """The labels for an object of that kind."""
    return {COURSE: kind, **extra}
