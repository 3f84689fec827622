"""Pages over many municipalities: the list that a run makes, and the site that is published from it."""

from costeff.report.site.listed import nordic, write_index
from costeff.report.site.model import Site
from costeff.report.site.written import write_site

__all__ = ["Site", "nordic", "write_index", "write_site"]
