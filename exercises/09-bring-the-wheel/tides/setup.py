from setuptools import Extension, setup

setup(ext_modules=[Extension("tides", ["tides.c"])])
