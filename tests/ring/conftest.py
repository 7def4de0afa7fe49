import sys
from pathlib import Path

import numpy as np
import pytest

# What the tests of channels share is a module beside them.
sys.path.insert(0, str(Path(__file__).resolve().parent))
pytest.register_assert_rewrite("channels")


@pytest.fixture(params=["python", "kernels"])
def channel(request):
    """Make a channel of numbers, whose ends are used from Python or in kernels."""

    from channels import InKernels

    import jitkit as jk

    def make(policy="reject", capacity=4):
        ends = jk.ring.channel(np.int64, capacity, policy)
        return ends if request.param == "python" else tuple(map(InKernels, ends))

    return make


@pytest.fixture
def name():
    """A name for shared memory, which has to be free again at the end."""
    from channels import has_name, unused_name

    import jitkit as jk

    name = unused_name("memory")
    yield name
    left = has_name(name)
    if left:
        jk.ring.unlink_shared(name)
    assert not left
