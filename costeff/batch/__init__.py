"""The batch: a plan of pages, data and fits once for the country, papermill per page, an index."""

from costeff.batch.request import RunRequest, resolve
from costeff.batch.run import Outcome, run

__all__ = ["Outcome", "RunRequest", "resolve", "run"]
