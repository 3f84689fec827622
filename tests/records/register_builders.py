"""Builders of small registers, whole or broken in one way."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

Frames = dict[str, pd.DataFrame]
KNOWN = ("049", "091", "837")


def whole() -> Frames:
    """Four clients in three municipalities, five episodes, one outcome."""
    clients = ["c1", "c2", "c3", "c4"]
    return {
        "clients": pd.DataFrame(
            {
                "client": clients,
                "municipality": ["049", "091", "091", "837"],
                "risk_group": ["low", "middle", "high", "low"],
            }
        ),
        "episodes": pd.DataFrame(
            {
                "client": ["c1", "c2", "c3", "c4", "c4"],
                "option": ["usual", "new", "usual", "new", "new"],
                "start": [date(2023, 1, day) for day in (2, 3, 4, 5, 6)],
                "end": [date(2023, 2, day) for day in (2, 3, 4, 5, 6)],
                "cost": [100.5, 200.0, 0.0, 50.25, 49.75],
            }
        ),
        "outcomes": pd.DataFrame(
            {
                "client": clients,
                "outcome": ["relapse"] * 4,
                "time": [365.0, 120.5, 30.0, 365.0],
                "event": [False, True, True, False],
            }
        ),
    }


def fuller() -> Frames:
    """The same clients with every optional table; c4 was not measured, c1 and c4 did not answer."""
    return whole() | {
        "counts": pd.DataFrame(
            {"client": ["c1", "c2", "c3", "c4"], "outcome": ["days_in_care"] * 4, "count": [0, 12, 3, 0]}
        ),
        "meters": pd.DataFrame(
            {
                "client": ["c1", "c2", "c3"],
                "meter": ["functioning"] * 3,
                "before": [4.5, 6.0, -1.25],
                "after": [5.0, 7.5, 0.0],
            }
        ),
        "experience": pd.DataFrame({"client": ["c2", "c3"], "question": ["was_heard"] * 2, "level": [1, 5]}),
        "ends": pd.DataFrame(
            {"client": ["c1", "c2", "c3", "c4"], "end": ["work", "study", "other_service", "dropped_out"]}
        ),
    }


def put(frames: Frames, table: str, column: str, row: int, value: object) -> Frames:
    """Replace one value; `row` counts data rows from 1."""
    values = frames[table][column].astype(object).tolist()
    values[row - 1] = value
    frames[table][column] = pd.Series(values, dtype=None if isinstance(value, (int, float)) else object)
    return frames


def write(folder: Path, frames: Frames, kind: str) -> Path:
    """Write frames as "parquet", "csv" (comma, decimal point) or "excel" (semicolon, decimal comma, BOM)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        if kind == "parquet":
            text = frame.assign(
                **{
                    c: frame[c].map(lambda v: None if pd.isna(v) else str(v))
                    for c in frame
                    if len({type(v) for v in frame[c] if v is not None}) > 1
                }
            )
            text.to_parquet(folder / f"{name}.parquet", index=False)
        elif kind == "csv":
            frame.to_csv(folder / f"{name}.csv", index=False)
        else:
            frame.to_csv(folder / f"{name}.csv", index=False, sep=";", decimal=",", encoding="utf-8-sig")
    return folder


KINDS = ("parquet", "csv", "excel")
