"""How each object looks: HTML for a notebook, text for a terminal."""
