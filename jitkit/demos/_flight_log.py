"""A flight log: a recorded one, or one like it for machines that have none."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

import jitkit as jk

SAMPLE = Path("ulog", "sample.ulg")
BOOT = 5_000_000  # us after the vehicle was switched on: when the log starts
GRAVITY = 9.80665  # m/s2

Floats = npt.NDArray[np.float64]


def find_sample() -> Path | None:
    """Where the recorded log lies, if it does."""
    folders = filter(None, [os.environ.get("JITKIT_TESTDATA"), "../shared/data"])
    return next((path for path in (Path(folder) / SAMPLE for folder in folders) if path.is_file()), None)


def make_log(seconds: float = 120.0) -> bytes:
    """A flight in circles, the vehicle swaying as it goes: 250 attitudes a second, and what else a log has."""
    roll, pitch, yaw = attitude(np.arange(0, seconds, 1 / 250))
    attitudes = stamped(250, seconds, [("q", "f4", 4)])
    attitudes["q"] = quaternion(roll, pitch, yaw)
    sensors = stamped(250, seconds, [("gyro_rad", "f4", 3), ("accelerometer_m_s2", "f4", 3)])
    for axis, angle in enumerate((roll, pitch, np.unwrap(yaw))):
        sensors["gyro_rad"][:, axis] = np.gradient(angle, 1 / 250)
    down = [-np.sin(pitch), np.sin(roll) * np.cos(pitch), np.cos(roll) * np.cos(pitch)]
    sensors["accelerometer_m_s2"] = -GRAVITY * np.column_stack(down)
    positions = stamped(10, seconds, [("x", "f4"), ("y", "f4"), ("z", "f4"), ("xy_valid", "?")])
    turned = attitude((positions["timestamp"] - BOOT) / 1e6)[2]
    positions["x"], positions["y"], positions["z"] = 50 * np.sin(turned), -50 * np.cos(turned), -20.0
    positions["xy_valid"] = True
    batteries = [stamped(1, seconds, [("voltage_v", "f4"), ("remaining", "f4")]) for _ in range(2)]
    for battery in batteries:
        battery["remaining"] = 1 - (battery["timestamp"] - BOOT) / 1.2e9
        battery["voltage_v"] = 14.0 + 2.4 * battery["remaining"]
    topics = {"vehicle_attitude": attitudes, "sensor_combined": sensors, "vehicle_local_position": positions}
    file = io.BytesIO()
    jk.telemetry.ulog.write(
        file,
        topics | {"battery_status": batteries[0], "battery_status.1": batteries[1]},
        start=BOOT,
        info={"sys_name": "made by jitkit"},
        parameters={"MC_ROLL_P": 6.5, "MC_PITCH_P": 6.5},
        messages=[(BOOT, "INFO", "Takeoff detected"), (BOOT + int(seconds * 1e6), "INFO", "Landing detected")],
    )
    return file.getvalue()


def stamped(rate: int, seconds: float, fields: list[tuple[str, str] | tuple[str, str, int]]) -> npt.NDArray[np.void]:
    """Records of a topic, `rate` a second, with their times."""
    records = np.zeros(len(np.arange(0, seconds, 1 / rate)), [("timestamp", "u8"), *fields])
    records["timestamp"] = BOOT + 1_000_000 * np.arange(len(records)) // rate
    return records


def attitude(t: Floats) -> tuple[Floats, Floats, Floats]:
    """Roll, pitch and yaw in radians after `t` seconds; a circle takes 40."""
    roll = np.radians(12 + 8 * np.sin(2 * np.pi * t / 9))
    pitch = np.radians(-4 + 6 * np.sin(2 * np.pi * t / 13))
    return roll, pitch, (2 * np.pi * t / 40 + np.pi) % (2 * np.pi) - np.pi


def quaternion(roll: Floats, pitch: Floats, yaw: Floats) -> Floats:
    """Attitudes as PX4 has them, (n, 4): w, x, y, z, from the body (forward, right, down) to north, east, down."""
    (cr, cp, cy), (sr, sp, sy) = ([f(angle / 2) for angle in (roll, pitch, yaw)] for f in (np.cos, np.sin))
    return np.column_stack(
        [
            cr * cp * cy + sr * sp * sy,
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
        ]
    )
