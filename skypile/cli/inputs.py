"""The inputs of an ad-hoc command, in the order in which they were named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from skypile.io.units import Plan, Unit, plan_units

__all__ = ["ordered_plan"]

# Units exist so that workers can share a file. One process reads each file as a whole, and is
# spared the pass over it that numbers the lines of its pieces.
WHOLE_FILES = 1 << 62


def ordered_plan(inputs: Sequence[str]) -> Plan:
    """Return the units of `inputs`, whole files in the order of the inputs, each once.

    The files of one input (a folder, a pattern) are in order of name. Records are named as in a
    build from the same inputs. Raises what plan_units raises.
    """
    plan = plan_units(inputs, target_bytes=WHOLE_FILES)
    given = list(dict.fromkeys(inputs))
    if len(given) == 1:
        return plan
    names = {file.path: file.name for unit in plan.units for file in unit.files}
    names |= {unit.path: unit.name for unit in plan.units if not unit.files}
    units: list[Unit] = []
    for one in given:
        for unit in plan_units([one], target_bytes=WHOLE_FILES).units:
            taken = _taken(unit, names)
            if taken is not None:
                units.append(taken)
    return Plan(tuple(units), plan.skipped)


def _taken(unit: Unit, names: dict[str, str]) -> Unit | None:
    """Return `unit` with the names of the whole plan, which are then gone from `names`."""
    if not unit.files:
        name = names.pop(unit.path, None)
        return None if name is None else replace(unit, name=name)
    left = [file for file in unit.files if file.path in names]
    files = tuple(file._replace(name=names.pop(file.path)) for file in left)
    if not files:
        return None
    size = sum(file.size for file in files)
    return replace(
        unit, path=files[0].path, name=files[0].name, end=len(files), size=size, files=files
    )
