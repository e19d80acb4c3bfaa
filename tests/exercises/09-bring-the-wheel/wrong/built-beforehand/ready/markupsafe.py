class Markup(str):
    """Text of a page."""
