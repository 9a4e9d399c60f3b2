"""What Beam works out anew at each step, remembered: a third of a small build's processor time.

For each step of a pipeline Beam 2.77 parses the options a dozen times, each time by a parser made
for it (9 ms), and asks for the signatures of all thirty methods of its function eight times over.
Importing this module has it remember the signatures; options are remembered by `Options`. A corpus
takes eight pipelines, of 19 bundles.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import core

__all__ = ["Options"]

SIGNATURES_KEPT = 1024
Arguments = tuple[list[str], list[Any]]


class Options(PipelineOptions):
    """Beam's options; each view of them is made once.

    All views share one dict of values, so none grows stale when another is written to.
    """

    def view_as(self, cls: type[PipelineOptions]) -> PipelineOptions:
        """Return the options as `cls` sees them."""
        views: dict[type, PipelineOptions] = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return views[cls]

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: values alone."""
        return {name: value for name, value in super().__getstate__().items() if name != "_views"}


def remembering(arguments_of: Callable[[Any], Arguments]) -> Callable[[Any], Arguments]:
    """Return `arguments_of`, which tells a function's arguments and defaults, with a memory.

    A method is remembered by its function, not by its object, which would be kept alive.
    """
    known: dict[tuple[Any, bool], Arguments] = {}

    @wraps(arguments_of)
    def remembered(function: Any) -> Arguments:
        inner = getattr(function, "__func__", function)
        key = inner, inner is not function
        try:
            found = known.get(key)
        except TypeError:  # it cannot be hashed
            return arguments_of(function)
        if found is None:
            if len(known) == SIGNATURES_KEPT:
                known.clear()
            found = known[key] = arguments_of(function)
        return [*found[0]], [*found[1]]

    return remembered


core.get_function_args_defaults = remembering(core.get_function_args_defaults)
