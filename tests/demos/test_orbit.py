import numpy as np
import pytest

from jitkit.demos import _orbit


@pytest.mark.parametrize(
    ("position", "latitude", "longitude", "altitude"),
    [
        ((6378.137 + 824.0, 0.0, 0.0), 0.0, 0.0, 824.0),
        ((0.0, -6378.137, 0.0), 0.0, -90.0, 0.0),
        ((0.0, 0.0, 6356.752314245 + 824.0), 90.0, 0.0, 824.0),  # the polar radius: a (1 - f)
    ],
)
def test_latitude_longitude_and_altitude_where_they_are_known(position, latitude, longitude, altitude):
    found = [float(value[0]) for value in _orbit.geodetic(np.array([position]))]
    assert found == pytest.approx([latitude, longitude, altitude], abs=1e-9)


def test_geodetic_inverts_the_exact_equations():
    random = np.random.default_rng(1958)
    latitude, longitude = random.uniform(-90, 90, 1000), random.uniform(-180, 180, 1000)
    altitude = random.uniform(0, 2000, 1000)
    found = _orbit.geodetic(earth_fixed(np.radians(latitude), np.radians(longitude), altitude))
    np.testing.assert_allclose(found[0], latitude, atol=2e-7)
    np.testing.assert_allclose(found[1], longitude, atol=1e-12)
    np.testing.assert_allclose(found[2], altitude, atol=1e-9)


def earth_fixed(latitude, longitude, altitude):
    """In this direction the equations are exact."""
    eccentricity2 = _orbit.FLATTENING * (2 - _orbit.FLATTENING)
    normal = _orbit.EQUATORIAL_RADIUS / np.sqrt(1 - eccentricity2 * np.sin(latitude) ** 2)
    level = (normal + altitude) * np.cos(latitude)
    height = (normal * (1 - eccentricity2) + altitude) * np.sin(latitude)
    return np.column_stack([level * np.cos(longitude), level * np.sin(longitude), height])


def test_a_circular_orbit_moves_as_its_velocities_say():
    position, velocity, quaternion = _orbit.circular(np.arange(0.0, 6000.0), altitude=824.0, inclination=98.7)
    np.testing.assert_allclose((position[2:] - position[:-2]) / 2, velocity[1:-1], atol=2e-6)  # km/s
    np.testing.assert_allclose(np.linalg.norm(quaternion, axis=1), 1.0, atol=1e-15)


def test_a_circular_orbit_is_described_as_what_it_is():
    position, velocity, _ = _orbit.circular(np.arange(0.0, 6100.0), altitude=824.0, inclination=98.7)
    described = _orbit.quantities(position, velocity)
    # Kepler's third law by hand: 2 pi sqrt(7202.137**3 / 398600.4418) s, in which it goes 2 pi 7202.137 km.
    np.testing.assert_allclose(described["period, minutes"], 101.379886, atol=1e-6)
    np.testing.assert_allclose(described["speed seen from outside, km/s"], 7.439405, atol=1e-6)
    np.testing.assert_allclose(described["inclination, degrees"], 98.7, atol=1e-9)
    assert described["altitude above WGS 84, km"].min() == pytest.approx(824.0, abs=1e-3)
