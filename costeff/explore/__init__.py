"""What an analyst holds in a notebook: a panel to ask what if, a figure traced, scenarios side by side."""

from costeff.appraisal.trace import trace
from costeff.explore.panel import Panel, what_if
from costeff.report.compared import compare

__all__ = ["Panel", "compare", "trace", "what_if"]
