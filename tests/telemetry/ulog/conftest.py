import sys
from pathlib import Path

import pytest

# What the tests of ULogs share is a module beside them.
sys.path.insert(0, str(Path(__file__).resolve().parent))
pytest.register_assert_rewrite("ulogs")
