"""The labels that mark what the course made, and nothing else.

Every image, container, network and volume that the course makes carries `multistage.course`. An image hands its labels
on to images built from it and to its containers, so cleaning believes a label only where its value fits: a name that
the course gave, a container that was made to run a lesson.
"""

COURSE = "multistage.course"            # its value says what the thing is for
NAME = "multistage.course.name"          # the name that a build gave its image
STANDS_ON = "multistage.course.stands-on"  # the base image of what a build made
STAND_IN = "multistage.course.stand-in"  # reference that a made image stands in for
MADE_OF = "multistage.course.made-of"    # what it was made of, in words

BASE = "base"    # a base image that the course pulled or made
STEP = "step"    # a finished step of a base image in the making
BUILD = "build"  # built by `helpers.builder`
RUN = "run"      # a container that a lesson runs
CLASS = "class"  # of a class: `make class-stop` removes it, and `clean` leaves it


def marked(kind: str, **extra: str) -> dict[str, str]:
    """Labels for something of `kind`, as the SDK wants them."""
    return {COURSE: kind, **extra}
