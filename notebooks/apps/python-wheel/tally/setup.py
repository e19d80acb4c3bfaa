from setuptools import Extension, setup

setup(ext_modules=[Extension("tally", ["tally.c"])])
