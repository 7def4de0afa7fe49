import pytest
from hypothesis import HealthCheck, settings

from jitkit.telemetry.framing import _folding, _registers

WAYS = ("folding", "slicing")


def kernels_of(way):
    """One of the two ways to compute CRCs; skips where the processor that is compiled for cannot."""
    if way == "folding" and not _folding.available():
        pytest.skip("no multiplication without carries on this CPU level")
    return getattr(_registers, way)()


@pytest.fixture(params=WAYS)
def kernels(request):
    return kernels_of(request.param)


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """All that a test computes is computed in one of the two ways."""
    kernels = kernels_of(request.param)
    monkeypatch.setattr(_registers, "best", lambda: kernels)
    return request.param


@pytest.fixture(scope="session")
def steady():
    """Settings of hypothesis under which a test does the same each time, also while kernels compile."""
    return settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
