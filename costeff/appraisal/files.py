"""The file of an appraisal: classic NetCDF, which every tool reads, written with the same bytes every time.

Groups are not in the classic format: the variable `events` of the chain `c` at the price set `p` is `c.p.events`,
and what the Dataset says of itself is the global attribute `c.p`, as JSON. HDF5 would hold groups, and the time of
writing; and it takes ten times as long for variables as small as these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from costeff.errors import ModelError, Problem, Problems, UsageError

Groups = dict[tuple[str, str], xr.Dataset]  # (chain, price set) -> appraisal of one municipality
_LETTERS = "_letters"  # the dim of the letters of words


def pack(groups: Mapping[tuple[str, str], xr.Dataset]) -> bytes:
    """The file's content; floats in single precision: seven digits are more than any figure shows.

    Raises
    ------
    ModelError
        With everything that would not come back as it is.
    """
    from scipy.io import netcdf_file

    _refuse(groups)
    buffer = BytesIO()
    file = netcdf_file(buffer, "w", version=2)
    for (chain, price_set), dataset in groups.items():
        prefix = f"{chain}.{price_set}"
        file._attributes[prefix] = file.__dict__[prefix] = json.dumps(dataset.attrs, default=_plain)
        for name, size in dataset.sizes.items():
            file.createDimension(f"{prefix}.{name}", size)
        for name, values in dataset.variables.items():
            _add(file, f"{prefix}.{name}", [f"{prefix}.{dim}" for dim in values.dims], values)
    file.flush()
    return buffer.getvalue()


def _refuse(groups: Mapping[tuple[str, str], xr.Dataset]) -> None:
    """The classic format has no booleans, no whole numbers beyond 32 bits, and a dim of length 0 grows in it."""
    problems, cure = Problems(), "leave it out, or change it before it is written"
    for (chain, price_set), dataset in groups.items():
        for name, values in dataset.variables.items():
            place = f"{chain} {price_set} {name}"
            if rule := _unkept(values):
                problems.add(place, rule, cure)
            for key, value in values.attrs.items():
                if not isinstance(value, str) or key.startswith("_"):
                    problems.add(f"{place} attribute {key}", "is not a plain text", cure)
    problems.raise_if_any(ModelError, "The appraisal cannot be written")


def _unkept(values: xr.Variable) -> str:
    """Why a variable would not come back as it is; empty when it does, but for the digits of floats."""
    content = values.to_numpy()
    if 0 in content.shape:
        return "has a dim without labels"
    if content.dtype.kind not in "fiuOTU":
        return "is neither numbers nor texts"
    if content.dtype.kind in "iu" and np.any(content != content.astype(np.int32)):
        return "holds whole numbers that 32 bits do not hold"
    if content.dtype.kind == "O" and not all(isinstance(one, str) for one in content.ravel()):
        return "is neither numbers nor texts"
    return ""


def _add(file: Any, name: str, dims: list[str], values: xr.Variable) -> None:
    content = values.to_numpy()
    if content.dtype.kind in "OTU":
        content = np.char.encode(content.astype(str), "utf-8")
        letters = f"{name}{_LETTERS}"
        file.createDimension(letters, content.dtype.itemsize)
        content, dims = content.view("S1").reshape(*content.shape, -1), [*dims, letters]
    kind = {"f": "f4", "i": "i4", "u": "i4", "S": "c"}[content.dtype.kind]
    variable = file.createVariable(name, kind, dims)
    variable[:] = content
    attrs = dict(values.attrs) | ({"_Encoding": "utf-8"} if kind == "c" else {})  # as xarray writes it
    for key, value in attrs.items():
        setattr(variable, key, value)


def unpack(path: Path) -> Groups:
    """What a file holds, in the order it was written in, floats in double precision for sums to be made of them.

    Raises
    ------
    UsageError
        For a file that is no appraisal.
    """
    from scipy.io import netcdf_file

    try:
        with netcdf_file(path, "r", mmap=False) as file:
            told = {name: json.loads(value) for name, value in file._attributes.items()}
            return {_key(prefix): _dataset(file, prefix, attrs) for prefix, attrs in told.items()}
    except (OSError, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        problem = Problem(path.name, "cannot be read as an appraisal", "run the appraisal of this municipality again")
        raise UsageError("No appraisal to report", [problem]) from error


def _key(prefix: str) -> tuple[str, str]:
    chain, _, price_set = prefix.rpartition(".")
    return chain, price_set


def _dataset(file: Any, prefix: str, attrs: dict[str, Any]) -> xr.Dataset:
    start = f"{prefix}."
    variables = {
        name.removeprefix(start): _variable(variable, start)
        for name, variable in file.variables.items()
        if name.startswith(start)
    }
    data = {name: one for name, one in variables.items() if (name,) != one.dims}
    return xr.Dataset(data, {name: one for name, one in variables.items() if (name,) == one.dims}, attrs)


def _variable(variable: Any, start: str) -> xr.Variable:
    attrs = {name: _text(value) for name, value in variable._attributes.items() if name != "_Encoding"}
    dims = [dim.removeprefix(start) for dim in variable.dimensions]
    if variable.typecode() == "c":
        letters = np.ascontiguousarray(variable[:])
        words = letters.view(f"S{letters.shape[-1]}").squeeze(-1)
        return xr.Variable(dims[:-1], np.char.decode(words, "utf-8"), attrs)
    kind = float if variable.typecode() == "f" else np.int64
    return xr.Variable(dims, variable[:].astype(kind), attrs)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _plain(value: Any) -> Any:
    """A number of numpy as Python's own."""
    return value.item()
