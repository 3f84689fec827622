"""Registers: declared, checked and reduced to cells where they lie."""

from costeff.records.cells import Cells, binary_cells, cost_cells, reduce_clients_count
from costeff.records.dictionary import describe_tables, dictionary_page
from costeff.records.optional import count_cells, end_cells, level_cells, meter_cells
from costeff.records.research import nsw_register, rossi_register
from costeff.records.sources import Register, check, open_register, register_from_frames
from costeff.records.survival import competing_cells, exposure_cells, time_cells
from costeff.records.synthetic import SyntheticTruth, read_truth, write_register
from costeff.records.tables import TABLES
from costeff.records.template import write_template

__all__ = [
    "TABLES",
    "Cells",
    "Register",
    "SyntheticTruth",
    "binary_cells",
    "check",
    "competing_cells",
    "cost_cells",
    "count_cells",
    "describe_tables",
    "dictionary_page",
    "end_cells",
    "exposure_cells",
    "level_cells",
    "meter_cells",
    "nsw_register",
    "open_register",
    "read_truth",
    "reduce_clients_count",
    "register_from_frames",
    "rossi_register",
    "time_cells",
    "write_register",
    "write_template",
]
