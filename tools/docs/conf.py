"""Sphinx for `make docs`. Formulas become MathML while the site is built, so that a page needs no script for them."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

from costeff import __version__

project = "costeff"
release = version = __version__
copyright = ""
html_show_copyright = html_show_sphinx = False
html_copy_source = False
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_display_short_literal_types = True
python_maximum_signature_line_length = 100
default_role = "py:obj"
nitpicky = False
html_theme = "furo"
html_title = f"costeff {__version__}"
html_static_path = ["static"]
html_math_renderer = "mathml"
html_theme_options = {"top_of_page_buttons": []}
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"


# What docutils does not know of LaTeX: commands that make signs larger or change their letters.
SPELLED = (
    (re.compile(r"\\([bB]igg?|textstyle)(?![a-zA-Z])"), ""),
    (re.compile(r"\\dots(?![a-zA-Z])"), r"\\ldots"),
    (re.compile(r"\\texttt(?![a-zA-Z])"), r"\\text"),
)


ACCENTED = re.compile(r"<munderover>\s*(<m[ion]>[^<]*</m[ion]>)(.*?)(<mo[^>]*>[ˉˆ˜]</mo>)\s*</munderover>", re.DOTALL)


def mathml(formula: str, *, block: bool) -> str:
    """A formula of LaTeX as MathML; an index of a letter with an accent stands beside it, and not under it."""
    for found, instead in SPELLED:
        formula = found.sub(instead, formula)
    made = str(tex2mathml(formula.strip(), as_block=block))
    return ACCENTED.sub(r"<msub><mover>\1\3</mover>\2</msub>", made)


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext(), block=False))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.math_block) -> None:
    """A formula of its own line; it scrolls by itself where the screen is narrow."""
    translator.body.append(f'<div class="formula" tabindex="0">{mathml(node.astext(), block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.add_css_file("costeff.css")
    return {"parallel_read_safe": True}
