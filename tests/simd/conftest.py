import runpy
import sys
from pathlib import Path

# What the tests of operations share is a module beside them.
sys.path.insert(0, str(Path(__file__).resolve().parent))

# Programs that run in processes of their own are started as the cache's tests start them.
make_program = runpy.run_path(str(Path(__file__).parents[1] / "cache" / "conftest.py"), run_name="programs")[
    "make_program"
]
