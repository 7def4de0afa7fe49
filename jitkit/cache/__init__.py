"""A disk cache of compiled kernels that is never stale: keyed by all that a kernel is made of.

- what a kernel is made of: `_code` reads functions, `_fingerprint` follows them to all that they reach, `_environment`
  is what a process adds;
- finding and keeping: `_keeper` answers numba (through `_core.numba_cache`), `_objects` keeps what needs no numba;
  `_store` has all entries, `_place` says where, with `_files` and `_locks` below;
- telling people: `_changes` and `_explain`, `_plan`, `_control`; `_command` is `jitkit cache`;
- ahead of time: `_manifest` for the next run, `_export` for programs in C.
"""

from jitkit.cache._control import CacheStats, clear, directory, prune, stats
from jitkit.cache._explain import Explanation, explain
from jitkit.cache._export import export
from jitkit.cache._manifest import preload, record
from jitkit.cache._plan import Plan, plan

__all__ = [
    "CacheStats",
    "Explanation",
    "Plan",
    "clear",
    "directory",
    "explain",
    "export",
    "plan",
    "preload",
    "prune",
    "record",
    "stats",
]
