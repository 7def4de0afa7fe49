import sys
from pathlib import Path

# What the tests of operations share is a module beside them.
sys.path.insert(0, str(Path(__file__).resolve().parent))
