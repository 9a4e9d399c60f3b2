#!/usr/bin/env python3
"""Draw the ground track of a circular orbit as text, for a terminal without any graphics.

Usage: groundtrack.py ALTITUDE_KM INCLINATION_DEG [ORBITS]
"""

import math
import sys

EARTH_RADIUS = 6378.137
EARTH_SPIN = 7.2921159e-5  # rad/s, relative to the stars and not to the sun
MU = 398600.4418
WIDTH, HEIGHT = 72, 24


def ground_point(radius: float, inclination: float, seconds: float) -> tuple[float, float]:
    """Return latitude and longitude in degrees below the satellite."""
    phase = math.sqrt(MU / radius**3) * seconds
    latitude = math.asin(math.sin(inclination) * math.sin(phase))
    longitude = math.atan2(math.cos(inclination) * math.sin(phase), math.cos(phase))
    longitude -= EARTH_SPIN * seconds
    wrapped = (longitude + math.pi) % (2.0 * math.pi) - math.pi
    return math.degrees(latitude), math.degrees(wrapped)


def empty_map() -> list[list[str]]:
    """Return a grid with the equator and the meridian of Greenwich drawn in."""
    grid = [[" "] * WIDTH for _ in range(HEIGHT)]
    grid[HEIGHT // 2] = ["-"] * WIDTH
    for row in grid:
        row[WIDTH // 2] = "|"
    grid[HEIGHT // 2][WIDTH // 2] = "+"
    return grid


def plot(grid: list[list[str]], latitude: float, longitude: float, mark: str) -> None:
    """Put `mark` where the point lies in an equirectangular projection."""
    column = min(WIDTH - 1, int((longitude + 180.0) / 360.0 * WIDTH))
    row = min(HEIGHT - 1, int((90.0 - latitude) / 180.0 * HEIGHT))
    grid[row][column] = mark


def track(altitude: float, inclination_deg: float, orbits: int) -> str:
    """Return the map as one string, each orbit drawn with its own digit."""
    radius = EARTH_RADIUS + altitude
    period = 2.0 * math.pi * math.sqrt(radius**3 / MU)
    grid = empty_map()
    samples = WIDTH * 3
    for orbit in range(orbits):
        for sample in range(samples):
            seconds = (orbit + sample / samples) * period
            point = ground_point(radius, math.radians(inclination_deg), seconds)
            plot(grid, *point, str((orbit + 1) % 10))
    frame = "+" + "=" * WIDTH + "+"
    rows = ["|" + "".join(row) + "|" for row in grid]
    shift = math.degrees(EARTH_SPIN * period)
    note = f"period {period / 60.0:.1f} min, the track moves {shift:.1f} deg west per orbit"
    return "\n".join([frame, *rows, frame, note])


def main(arguments: list[str]) -> int:
    """Print the map, or say what was expected."""
    if len(arguments) not in (2, 3):
        print(__doc__.strip().splitlines()[-1], file=sys.stderr)
        return 2
    try:
        altitude, inclination = float(arguments[0]), float(arguments[1])
        orbits = int(arguments[2]) if len(arguments) == 3 else 1
    except ValueError as error:
        print(f"groundtrack: {error}", file=sys.stderr)
        return 2
    print(track(altitude, inclination, orbits))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
