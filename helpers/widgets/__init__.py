"""What a notebook shows while it works, and what it asks.

Everything here has a form without widgets too: text in a terminal, plain HTML in a saved notebook. Import from its
modules: a command that shows a build's progress does not need the questions, nor what they need.
"""
