"""Step an N-body system forward: a symplectic leapfrog and a classical Runge-Kutta.

The leapfrog keeps the energy bounded over millions of steps and is the default. Runge-Kutta is
more exact over a few orbits but slowly drifts, which is why long runs must not use it.
"""

import math
from collections.abc import Callable, Sequence

Vector = list[float]
Force = Callable[[Sequence[float]], Vector]


def gravity(masses: Sequence[float], softening: float = 0.0) -> Force:
    """Return a function from flat positions (x0, y0, z0, x1, ...) to flat accelerations.

    `softening` is a length that keeps close encounters finite; zero is exact gravity in units
    where G = 1.
    """

    def accelerations(positions: Sequence[float]) -> Vector:
        result = [0.0] * len(positions)
        for i in range(len(masses)):
            for j in range(i + 1, len(masses)):
                delta = [positions[3 * j + k] - positions[3 * i + k] for k in range(3)]
                square = sum(d * d for d in delta) + softening * softening
                inverse = 1.0 / (square * math.sqrt(square))
                for k in range(3):
                    result[3 * i + k] += masses[j] * delta[k] * inverse
                    result[3 * j + k] -= masses[i] * delta[k] * inverse
        return result

    return accelerations


def leapfrog(force: Force, x: Vector, v: Vector, step: float, count: int) -> tuple[Vector, Vector]:
    """Return positions and velocities after `count` kick-drift-kick steps."""
    x, v = list(x), list(v)
    a = force(x)
    for _ in range(count):
        v = [vi + 0.5 * step * ai for vi, ai in zip(v, a)]
        x = [xi + step * vi for xi, vi in zip(x, v)]
        a = force(x)
        v = [vi + 0.5 * step * ai for vi, ai in zip(v, a)]
    return x, v


def runge_kutta(force: Force, x: Vector, v: Vector, step: float) -> tuple[Vector, Vector]:
    """Return positions and velocities after one step of fourth order."""

    def moved(base: Vector, slope: Vector, share: float) -> Vector:
        return [b + share * step * s for b, s in zip(base, slope)]

    v1, a1 = v, force(x)
    v2, a2 = moved(v, a1, 0.5), force(moved(x, v1, 0.5))
    v3, a3 = moved(v, a2, 0.5), force(moved(x, v2, 0.5))
    v4, a4 = moved(v, a3, 1.0), force(moved(x, v3, 1.0))

    def mean(p: Vector, q: Vector, r: Vector, s: Vector) -> Vector:
        return [(a + 2.0 * b + 2.0 * c + d) / 6.0 for a, b, c, d in zip(p, q, r, s)]

    return moved(x, mean(v1, v2, v3, v4), 1.0), moved(v, mean(a1, a2, a3, a4), 1.0)


def energy(masses: Sequence[float], x: Sequence[float], v: Sequence[float]) -> float:
    """Return kinetic plus potential energy; watch it to see whether the step is too long."""
    kinetic = sum(
        0.5 * mass * sum(v[3 * i + k] ** 2 for k in range(3)) for i, mass in enumerate(masses)
    )
    potential = 0.0
    for i in range(len(masses)):
        for j in range(i + 1, len(masses)):
            distance = math.dist(x[3 * i : 3 * i + 3], x[3 * j : 3 * j + 3])
            potential -= masses[i] * masses[j] / distance
    return kinetic + potential


if __name__ == "__main__":
    bodies = [1.0, 1e-3]
    pos, vel = [0.0, 0, 0, 1.0, 0, 0], [0.0, -1e-3, 0, 0, 1.0, 0]
    before = energy(bodies, pos, vel)
    pos, vel = leapfrog(gravity(bodies), pos, vel, 0.01, 6283)
    print(f"relative drift after ten orbits: {energy(bodies, pos, vel) / before - 1.0:+.2e}")
