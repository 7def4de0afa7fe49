import sys
from pathlib import Path

# The scripts and the suite are not a package of jitkit: they import one another from their own directory.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "asv_bench"))
