"""How outcome models and fits show themselves.

It stands in a folder of its own because the hash of a posterior is of the files beside it: what a fit looks like is no
part of what it is.
"""

from costeff.outcomes.shown.fits import effect_rows, show_fit
from costeff.outcomes.shown.graph import Graph, graph

__all__ = ["Graph", "effect_rows", "graph", "show_fit"]
