"""Find when something happens along an orbit: a rise, a set, an eclipse, a closest approach.

An event is a sign change of a continuous function of time. We sample the function, and refine
each bracket with Brent's method, so that a costly function is asked as rarely as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

Signal = Callable[[float], float]


@dataclass(frozen=True)
class Crossing:
    """A root of the signal; `rising` tells in which direction the sign changed."""

    time: float
    rising: bool


def brent(f: Signal, low: float, high: float, tolerance: float = 1e-9) -> float:
    """Return a root between `low` and `high`, where `f` must have different signs."""
    a, b, fa, fb = low, high, f(low), f(high)
    if fa * fb > 0.0:
        raise ValueError(f"no sign change between {low} and {high}")
    if abs(fa) < abs(fb):
        a, b, fa, fb = b, a, fb, fa
    c, fc, d, bisected = a, fa, a, True
    while fb != 0.0 and abs(b - a) > tolerance:
        if fa != fc and fb != fc:
            s = a * fb * fc / ((fa - fb) * (fa - fc))
            s += b * fa * fc / ((fb - fa) * (fb - fc))
            s += c * fa * fb / ((fc - fa) * (fc - fb))
        else:
            s = b - fb * (b - a) / (fb - fa)
        between = min((3 * a + b) / 4, b) < s < max((3 * a + b) / 4, b)
        last = abs(b - c) if bisected else abs(c - d)
        bisected = not between or abs(s - b) >= last / 2 or last < tolerance
        if bisected:
            s = (a + b) / 2
        fs = f(s)
        d, c, fc = c, b, fb
        if fa * fs < 0.0:
            b, fb = s, fs
        else:
            a, fa = s, fs
        if abs(fa) < abs(fb):
            a, b, fa, fb = b, a, fb, fa
    return b


def crossings(f: Signal, start: float, end: float, step: float) -> Iterator[Crossing]:
    """Yield the roots between `start` and `end` in order.

    Two roots within one `step` cancel and are missed: choose it shorter than the shortest pass.
    """
    if step <= 0.0:
        raise ValueError("the step must be positive")
    time, value = start, f(start)
    while time < end:
        later = min(time + step, end)
        next_value = f(later)
        if value < 0.0 <= next_value or next_value < 0.0 <= value:
            yield Crossing(brent(f, time, later), rising=next_value >= 0.0)
        time, value = later, next_value


def intervals(f: Signal, start: float, end: float, step: float) -> list[tuple[float, float]]:
    """Return the stretches of time on which the signal is not negative."""
    found: list[tuple[float, float]] = []
    opened = start if f(start) >= 0.0 else None
    for crossing in crossings(f, start, end, step):
        if crossing.rising:
            opened = crossing.time
        elif opened is not None:
            found.append((opened, crossing.time))
            opened = None
    if opened is not None:
        found.append((opened, end))
    return found
