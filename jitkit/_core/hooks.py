"""The way from here up to the compile cache, which this room knows nothing of."""

import sys
from typing import Any


def cache() -> Any:
    """Return what keeps compiled kernels (`numba_cache.Keeper`): the package itself knows how to load it."""
    return _package()._load_cache()


def objects() -> Any:
    """Return what keeps object files: functions `key_of`, `kernel_key`, `function_key`, `find` and `keep`."""
    return _package()._load_objects()


def _package() -> Any:
    return sys.modules[__name__.partition(".")[0]]
