"""Pages over many municipalities: the list that a run makes, and the site that is published from it."""

from costeff.report.site.listed import write_index
from costeff.report.site.model import Site
from costeff.report.site.written import write_site
from costeff.report.words import nordic

__all__ = ["Site", "nordic", "write_index", "write_site"]
