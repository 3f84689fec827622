"""The catalogue: sources, price years, payers, sampling."""

from costeff.params.catalogue import Catalogue

__all__ = ["Catalogue"]
