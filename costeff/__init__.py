"""costeff: what a service changes in clients' lives, what it costs, what it saves, whom, and how sure that is."""

__version__ = "0.1.0"
