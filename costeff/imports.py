"""What a library imports and nobody here needs."""

from __future__ import annotations

import sys

GRAMMAR = "rfc3987_syntax"


def skip_slow_grammar() -> None:
    """Keep jsonschema, which nbformat imports, from building a grammar of web addresses: seconds at every start.

    It is for a format that no notebook is checked for; jsonschema goes on without it.
    """
    sys.modules.setdefault(GRAMMAR, None)  # type: ignore[arg-type]  # None makes its import fail


def skip_dask_arrays() -> None:
    """Keep xarray from importing Dask to see whether an array is one of Dask's: a batch has none.

    xarray asks once in a process and remembers; whoever imports dask.array later gets it all the same.
    """
    if "dask.array" in sys.modules:
        return
    kept_off = [name for name in ("dask", "dask.array") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(kept_off))  # type: ignore[arg-type]  # None makes an import fail
    try:
        from xarray.namedarray.pycompat import array_type
        from xarray.namedarray.utils import module_available

        array_type("dask")
        module_available.cache_clear()  # it may have been asked while xarray was imported
        module_available("dask")
    except ImportError:  # another version keeps it elsewhere, and is slower
        pass
    finally:
        for name in kept_off:
            del sys.modules[name]
