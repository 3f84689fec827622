"""Registers: declared, checked and reduced to cells where they lie."""

from costeff.records.cells import Cells, binary_cells, cost_cells, exposure_cells, reduce_clients_count
from costeff.records.research import rossi_register
from costeff.records.sources import Register, check, open_register, register_from_frames
from costeff.records.synthetic import SyntheticTruth, read_truth, write_register
from costeff.records.tables import TABLES, describe_tables

__all__ = [
    "TABLES",
    "Cells",
    "Register",
    "SyntheticTruth",
    "binary_cells",
    "check",
    "cost_cells",
    "describe_tables",
    "exposure_cells",
    "open_register",
    "read_truth",
    "reduce_clients_count",
    "register_from_frames",
    "rossi_register",
    "write_register",
]
