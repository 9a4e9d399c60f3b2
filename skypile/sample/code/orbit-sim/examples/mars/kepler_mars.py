"""Solve Kepler's equation and turn orbital elements into positions.

Angles are radians, lengths are kilometres and times are seconds throughout. Only closed orbits
(0 <= eccentricity < 1) are supported; a comet on a hyperbola needs another equation.
"""

import math
from dataclasses import dataclass

MU_MARS = 42828.375  # km^3 / s^2


class ConvergenceError(ArithmeticError):
    """Raised when the iteration does not settle, which means that the input was not an orbit."""


@dataclass(frozen=True)
class Elements:
    """The six classical elements of a closed orbit, at the moment `epoch`."""

    semi_major_km: float
    eccentricity: float
    inclination: float
    node: float
    periapsis: float
    mean_anomaly: float
    epoch: float = 0.0

    @property
    def period(self) -> float:
        """Seconds for one revolution (Kepler's third law)."""
        return 2.0 * math.pi * math.sqrt(self.semi_major_km**3 / MU_MARS)


def eccentric_anomaly(mean: float, ecc: float, tolerance: float = 1e-12) -> float:
    """Return E with E - e sin E = M, by Newton's method with a careful start.

    Starting at M itself overshoots for e > 0.8; starting at pi never does, because the
    function is convex between the root and pi.
    """
    if not 0.0 <= ecc < 1.0:
        raise ValueError(f"eccentricity {ecc} is not that of a closed orbit")
    turns = math.floor(mean / (2.0 * math.pi))
    mean -= turns * 2.0 * math.pi
    guess = mean if ecc < 0.8 else math.pi
    for _ in range(50):
        error = guess - ecc * math.sin(guess) - mean
        if abs(error) < tolerance:
            return guess + turns * 2.0 * math.pi
        guess -= error / (1.0 - ecc * math.cos(guess))
    raise ConvergenceError(f"no root for M={mean:.6f}, e={ecc:.6f}")


def perifocal(elements: Elements, time: float) -> tuple[float, float]:
    """Return the position in the plane of the orbit, x pointing at the periapsis."""
    motion = 2.0 * math.pi / elements.period
    mean = elements.mean_anomaly + motion * (time - elements.epoch)
    ecc = elements.eccentricity
    angle = eccentric_anomaly(mean, ecc)
    x = elements.semi_major_km * (math.cos(angle) - ecc)
    y = elements.semi_major_km * math.sqrt(1.0 - ecc * ecc) * math.sin(angle)
    return x, y


def position(elements: Elements, time: float) -> tuple[float, float, float]:
    """Return the position in the inertial frame, by three rotations of the perifocal one."""
    x, y = perifocal(elements, time)
    cw, sw = math.cos(elements.periapsis), math.sin(elements.periapsis)
    cn, sn = math.cos(elements.node), math.sin(elements.node)
    ci, si = math.cos(elements.inclination), math.sin(elements.inclination)
    along, across = x * cw - y * sw, x * sw + y * cw
    return (
        along * cn - across * ci * sn,
        along * sn + across * ci * cn,
        across * si,
    )


if __name__ == "__main__":
    relay = Elements(12800.0, 0.57, math.radians(63.4), 0.0, math.radians(270.0), 0.0)
    for hour in range(13):
        px, py, pz = position(relay, hour * 3600.0)
        print(f"{hour:2d} h  r = {math.hypot(px, py, pz):9.1f} km  z = {pz:9.1f} km")
