"""A little orbital mechanics: kilometres, seconds and degrees, positions in the Earth-fixed frame (ECEF)."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# The defining parameters of WGS 84: NGA.STND.0036 (2014), table 3.1.
EQUATORIAL_RADIUS = 6378.137  # km
FLATTENING = 1 / 298.257223563
GRAVITATION = 398_600.4418  # km3/s2: gravitational constant times the Earth's mass
ROTATION = 7.292115e-5  # rad/s, about z


def geodetic(position: Floats) -> tuple[Floats, Floats, Floats]:
    """Latitude and longitude in degrees and altitude above the WGS 84 ellipsoid in km, of (n, 3) positions.

    Notes
    -----
    Bowring, "Transformation from spatial to geographical coordinates", Survey Review 23 (1976), without iteration: up
    to 2,000 km the latitude is good to 2e-7 degrees and the altitude to a micrometre.
    """
    x, y, z = position.T
    axis_distance = np.hypot(x, y)
    polar_radius = EQUATORIAL_RADIUS * (1 - FLATTENING)
    eccentricity2 = FLATTENING * (2 - FLATTENING)
    reduced = np.arctan2(z * EQUATORIAL_RADIUS, axis_distance * polar_radius)
    latitude = np.arctan2(
        z + eccentricity2 / (1 - eccentricity2) * polar_radius * np.sin(reduced) ** 3,
        axis_distance - eccentricity2 * EQUATORIAL_RADIUS * np.cos(reduced) ** 3,
    )
    surface = EQUATORIAL_RADIUS * np.sqrt(1 - eccentricity2 * np.sin(latitude) ** 2)
    altitude = axis_distance * np.cos(latitude) + z * np.sin(latitude) - surface
    return np.degrees(latitude), np.degrees(np.arctan2(y, x)), altitude


def place(position: Floats) -> str:
    """Where on the ground a position is overhead: `14.77 N 23.56 E`."""
    latitude, longitude, _ = (float(value[0]) for value in geodetic(position[None]))
    return f"{abs(latitude):.2f} {'NS'[latitude < 0]} {abs(longitude):.2f} {'EW'[longitude < 0]}"


def inertial(position: Floats, velocity: Floats) -> Floats:
    """Velocity seen from outside: that in the Earth-fixed frame plus the rotation of the frame itself."""
    seen: Floats = velocity + np.cross([0.0, 0.0, ROTATION], position)
    return seen


def inclination(position: Floats, velocity: Floats) -> Floats:
    """Angle in degrees between the orbit, given by positions and inertial velocities, and the equator."""
    normal = np.cross(position, velocity)
    angle: Floats = np.degrees(np.arccos(normal[:, 2] / np.linalg.norm(normal, axis=1)))
    return angle


def period(position: Floats, velocity: Floats) -> Floats:
    """Time of one revolution in minutes, by Kepler's third law and the vis-viva equation (inertial velocities)."""
    radius, speed = np.linalg.norm(position, axis=1), np.linalg.norm(velocity, axis=1)
    semi_major_axis = 1 / (2 / radius - speed**2 / GRAVITATION)
    minutes: Floats = 2 * np.pi * np.sqrt(semi_major_axis**3 / GRAVITATION) / 60
    return minutes


def quantities(position: Floats, velocity: Floats) -> dict[str, Floats]:
    """What positions in km and velocities in km/s, both Earth-fixed, say of an orbit; keys are texts with the unit."""
    latitude, _, altitude = geodetic(position)
    from_outside = inertial(position, velocity)
    return {
        "altitude above WGS 84, km": altitude,
        "speed over the turning Earth, km/s": np.linalg.norm(velocity, axis=1),
        "speed seen from outside, km/s": np.linalg.norm(from_outside, axis=1),
        "period, minutes": period(position, from_outside),
        "inclination, degrees": inclination(position, from_outside),
        "latitude, degrees": latitude,
    }


def circular(seconds: Floats, altitude: float, inclination: float) -> tuple[Floats, Floats, Floats]:
    """Earth-fixed positions, Earth-fixed velocities and attitude quaternions on a circular orbit.

    The orbit starts northward over the equator at longitude 0, `altitude` km above it. The attitude turns once per
    revolution about the normal of the orbit, as that of a spacecraft does which always faces the ground.
    """
    radius = EQUATORIAL_RADIUS + altitude
    rate = np.sqrt(GRAVITATION / radius**3)  # rad/s
    tilt, along, node = np.radians(inclination), (rate * seconds)[:, None], -ROTATION * seconds  # the Earth turns away
    cosine, sine, level = np.cos(node), np.sin(node), np.zeros_like(node)
    to_node = np.column_stack([cosine, sine, level])  # where the orbit crosses the equator northward
    ahead = np.column_stack([-sine * np.cos(tilt), cosine * np.cos(tilt), level + np.sin(tilt)])  # 90 degrees later
    position = radius * (np.cos(along) * to_node + np.sin(along) * ahead)
    velocity = radius * rate * (np.cos(along) * ahead - np.sin(along) * to_node)
    normal = np.array([0.0, -np.sin(tilt), np.cos(tilt)])
    quaternion = np.column_stack([np.sin(along / 2) * normal, np.cos(along / 2)])
    return position, velocity - np.cross([0.0, 0.0, ROTATION], position), quaternion
