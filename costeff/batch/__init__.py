"""The batch: data and fits once for the country, a plan of what is due, papermill for each page, an index."""

from costeff.batch.plan import Planned
from costeff.batch.request import RunRequest, resolve
from costeff.batch.run import Outcome, plan, run
from costeff.batch.status import Status, read_status

__all__ = ["Outcome", "Planned", "RunRequest", "Status", "plan", "read_status", "resolve", "run"]
