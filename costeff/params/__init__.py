"""The catalogue: sources, price years, payers, sampling."""

from costeff.params.catalogue import Catalogue
from costeff.params.whatif import what_if

__all__ = ["Catalogue", "what_if"]
