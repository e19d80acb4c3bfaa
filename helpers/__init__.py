"""The kernel helpers of Multi-Stage Builds, Measured.

Data flows one way, and imports never run back up:

    engine -> bases -> builder -> image -> inventory -> report -> charts, widgets -> lesson, maintenance

Nothing is imported here, so that `import helpers` costs nothing; take what you
need from the modules. Notebooks take it from `helpers.lesson`.
"""

__version__ = "0.1.0"
