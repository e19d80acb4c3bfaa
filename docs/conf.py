"""Sphinx's settings for the course's web site (`make site`). Nothing is fetched while it is built."""

import logging
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_REPOSITORY = _PROJECT["urls"]["Repository"]
_ADDRESS = _PROJECT["urls"]["Documentation"]

project = "Multi-Stage Builds, Measured"
author = "the contributors to Multi-Stage Builds, Measured"
copyright = "the contributors; code MIT, lessons CC BY 4.0"
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinxext.opengraph", "course_site"]
include_patterns = ["*.md", "docs/*.md", "notebooks/*.ipynb", "exercises/*/*.ipynb", "exercises/README.md"]
exclude_patterns = ["**/.ipynb_checkpoints"]
default_role = "code"            # one backtick in a docstring
pygments_style = "a11y-high-contrast-light"

# -- notebooks: as they are kept ---------------------------------------------------------------------------
nb_execution_mode = "off"
nb_code_prompt_show = "Show what came out"
nb_code_prompt_hide = "What came out"
myst_heading_anchors = 4
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header"]

# -- the API -----------------------------------------------------------------------------------------------
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

# -- the pages ---------------------------------------------------------------------------------------------
html_theme = "sphinx_book_theme"
html_title = project
html_baseurl = _ADDRESS
html_static_path = ["_static"]
templates_path = ["_templates"]
html_sidebars = {"**": ["home.html", "search-button-field.html", "sbt-sidebar-nav.html"]}
html_css_files = ["course.css"]
html_js_files = [("course.js", {"defer": "defer"})]
html_favicon = "_static/favicon.svg"
html_context = {"default_mode": "auto"}
html_sourcelink_suffix = ""      # a notebook is downloaded under its own name
html_use_index = False
html_theme_options = {
    "repository_url": _REPOSITORY,
    "repository_branch": "main",
    "use_repository_button": True,
    "use_issues_button": True,
    "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
    "navbar_persistent": [],     # the search stands in the sidebar
    "show_toc_level": 2,
    "secondary_sidebar_items": {"docs/claims": [], "**": ["page-toc.html"]},    # its table takes the room
    "home_page_in_toc": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

# -- what a link to a page shows elsewhere -----------------------------------------------------------------
ogp_site_url = _ADDRESS
ogp_site_name = project
ogp_enable_meta_description = True
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)    # a font of the cards has no bold
ogp_social_cards = {"line_color": "#0072B2"}
