"""Experiments of the lessons: each builds or runs something and returns what it measured."""
