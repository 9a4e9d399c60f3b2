"""Attitude as unit quaternions, scalar part first.

约定：q 把机体坐标系中的向量转到惯性坐标系。四元数 q 与 -q 表示同一个姿态，
因此比较两个姿态时必须先取绝对值，否则插值会绕远路。
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Quaternion:
    """w + xi + yj + zk."""

    w: float
    x: float
    y: float
    z: float

    @classmethod
    def about(cls, axis: tuple[float, float, float], angle: float) -> Quaternion:
        """Return the turn by `angle` radians about `axis`, which need not have length one."""
        length = math.hypot(*axis)
        if length == 0.0:
            raise ValueError("a rotation needs an axis")
        share = math.sin(angle / 2.0) / length
        return cls(math.cos(angle / 2.0), axis[0] * share, axis[1] * share, axis[2] * share)

    def __mul__(self, other: Quaternion) -> Quaternion:
        """Return the rotation `other` followed by `self`."""
        a, b = self, other
        return Quaternion(
            a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z,
            a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
            a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
            a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w,
        )

    def conjugate(self) -> Quaternion:
        """Return the inverse rotation."""
        return Quaternion(self.w, -self.x, -self.y, -self.z)

    def dot(self, other: Quaternion) -> float:
        """Return the cosine of half the angle between two attitudes, up to its sign."""
        return self.w * other.w + self.x * other.x + self.y * other.y + self.z * other.z

    def normalized(self) -> Quaternion:
        """Return the same attitude with length one; products lose about 1e-16 each time."""
        length = math.sqrt(self.dot(self))
        return Quaternion(self.w / length, self.x / length, self.y / length, self.z / length)

    def rotate(self, v: tuple[float, float, float]) -> tuple[float, float, float]:
        """Return the vector `v` of the body frame in the inertial frame."""
        turned = self * Quaternion(0.0, *v) * self.conjugate()
        return turned.x, turned.y, turned.z


def slerp(start: Quaternion, end: Quaternion, share: float) -> Quaternion:
    """Return the attitude at `share` of the shortest way from `start` to `end`."""
    cosine = start.dot(end)
    if cosine < 0.0:  # 取近路
        end, cosine = Quaternion(-end.w, -end.x, -end.y, -end.z), -cosine
    if cosine > 0.9995:
        first, second = 1.0 - share, share  # sin(angle) is too small to divide by
    else:
        angle = math.acos(cosine)
        first = math.sin((1.0 - share) * angle) / math.sin(angle)
        second = math.sin(share * angle) / math.sin(angle)
    return Quaternion(
        first * start.w + second * end.w,
        first * start.x + second * end.x,
        first * start.y + second * end.y,
        first * start.z + second * end.z,
    ).normalized()


def pointing_error(wanted: Quaternion, actual: Quaternion) -> float:
    """Return the angle in radians that separates two attitudes."""
    return 2.0 * math.acos(min(1.0, abs(wanted.dot(actual))))
