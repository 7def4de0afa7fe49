"""The asv suite: what jitkit's kernels gain over pure Python, what starting costs, how much memory is used."""

import os
from pathlib import Path

import jitkit

# asv reads this suite from the working tree and the library from the commit's own tree. A jitkit installed in the
# environment must not take that tree's place, or every commit would show the installed one's figures.
_tree = os.environ.get("ASV_PYTHONPATH")
if _tree and not Path(jitkit.__file__).resolve().is_relative_to(Path(_tree).resolve()):
    raise ImportError(f"expected jitkit from ASV_PYTHONPATH={_tree}, got {jitkit.__file__}")
