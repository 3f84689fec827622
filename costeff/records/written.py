"""Drawn rows to Parquet, as the tables are declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from costeff.records.declare import Column
from costeff.records.tables import TABLES

if TYPE_CHECKING:
    import pyarrow as pa

AT_A_TIME = 500_000  # rows turned into texts at once: bounds memory


def write_tables(folder: Path, parts: Iterable[tuple[str, pd.DataFrame]], pseudonyms: np.ndarray) -> date:
    """Write each table to its own file, and give the last day that any of them tells of.

    Parameters
    ----------
    folder
        Where the files go.
    parts
        Names of tables and rows of them, those of one table after each other: `client`
        is a position among the pseudonyms, a text is categorical, a day is a
        datetime64. Columns that are not declared are left out.
    pseudonyms
        Letters [client, place in the text], all of one length, as bytes of ASCII.
    """
    import pyarrow.parquet as pq

    clients, last = _strings(pseudonyms), date.min
    for name, same in groupby(parts, key=itemgetter(0)):
        with ExitStack() as stack:
            writer = None
            for _, rows in same:
                columns = [column for column in TABLES[name].columns if column.name in rows]
                writer = writer or stack.enter_context(pq.ParquetWriter(folder / f"{name}.parquet", _schema(columns)))
                for start in range(0, max(len(rows), 1), AT_A_TIME):
                    writer.write_table(_arrow(columns, rows.iloc[start : start + AT_A_TIME], clients))
                last = max([last, *_last_days(columns, rows)])
    return last


def _last_days(columns: Sequence[Column], rows: pd.DataFrame) -> Iterator[date]:
    for column in columns:
        if column.type == "date" and not pd.isna(day := rows[column.name].max()):
            yield day.date()


def _schema(columns: Sequence[Column]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([(column.name, _type(column)) for column in columns])


def _arrow(columns: Sequence[Column], rows: pd.DataFrame, clients: pa.StringArray) -> pa.Table:
    import pyarrow as pa

    values = [_values(column, rows[column.name], clients) for column in columns]
    return pa.Table.from_arrays(values, schema=_schema(columns))


def _type(column: Column) -> pa.DataType:
    import pyarrow as pa

    types = {"text": pa.string, "date": pa.date32, "number": pa.float64, "whole": pa.int64, "flag": pa.bool_}
    return types[column.type]()


def _strings(letters: np.ndarray) -> pa.StringArray:
    """Texts of one length, without a Python object for each."""
    import pyarrow as pa

    size, length = letters.shape
    ends = np.arange(0, size * length + 1, length, dtype="int32")
    return pa.StringArray.from_buffers(size, pa.py_buffer(ends), pa.py_buffer(letters))


def _values(column: Column, values: pd.Series, clients: pa.StringArray) -> pa.Array:
    import pyarrow as pa

    if column.name == "client":
        return clients.take(pa.array(values.to_numpy()))
    if column.type == "date":
        return pa.array(values.to_numpy().astype("datetime64[D]"))
    if column.type == "text":
        codes: Any = values.cat.codes.to_numpy()
        names = pa.array(values.cat.categories.tolist(), pa.string())
        return names.take(pa.array(codes, mask=codes < 0))
    return pa.array(values.to_numpy(), _type(column))
