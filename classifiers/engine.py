"""Logits of windows: rectangles for any architecture, packs where variable-length attention is.

Which windows share a forward pass, and so the last bits of a logit, is a function of the windows
alone: never of free memory, of the clock or of what the process did before. The one exception is
a card that runs out of memory, where the alternative is to lose documents. Shape suffixes: W
windows, B windows of one batch, T positions, L labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import torch

from classifiers.packed import PackedEncoder, has_variable_length_attention, is_packable
from classifiers.windows import I64, U32, Frame, Pack, batches, pack_rows, packs

__all__ = ["Engine", "PackedEngine", "PaddedEngine", "engine_for"]

F32 = npt.NDArray[np.float32]

# A batch holds at most this many token slots, padding included. Constants and not measured at run
# time, because the batches decide the last bits of a score.
_CPU_BATCH_TOKENS: Final = 4_096
CUDA_BATCH_TOKENS: Final = 65_536


class Engine(Protocol):
    """What a Scorer asks for the logits of windows."""

    def logits(self, ids: U32, starts: I64, lengths: I64) -> F32:
        """Return float32 (windows, labels) for ids[starts[w] : starts[w] + lengths[w]]."""
        ...


def engine_for(model: torch.nn.Module, frame: Frame, *, pad_id: int, max_tokens: int) -> Engine:
    """Return the fastest engine for a model where it is: packs on CUDA where they can be."""
    parameter = next(model.parameters())
    half = parameter.dtype in {torch.bfloat16, torch.float16}
    if half and is_packable(model.config) and has_variable_length_attention(parameter.device):
        return PackedEngine(model, frame, max_tokens=max_tokens)
    return PaddedEngine(model, frame, pad_id=pad_id)


class PaddedEngine:
    """Rectangles of windows of like length, padded to the longest, by the model's own forward."""

    def __init__(self, model: torch.nn.Module, frame: Frame, *, pad_id: int) -> None:
        self._model = model
        self._frame = frame
        self._pad_id = pad_id
        self._device = next(model.parameters()).device
        self._label_count = int(_config(model).num_labels)

    def logits(self, ids: U32, starts: I64, lengths: I64) -> F32:
        """Return float32 (windows, labels), each from a batch of windows of like length."""
        logits_WL = np.empty((len(starts), self._label_count), dtype=np.float32)
        budget = CUDA_BATCH_TOKENS if self._device.type == "cuda" else _CPU_BATCH_TOKENS
        order = np.argsort(lengths, kind="stable")
        for rows in batches(lengths[order], self._frame.count, budget):
            batch = order[rows]
            logits_WL[batch] = _halved(
                lambda part: self._forward(ids, starts[part], lengths[part]), batch
            )
        return logits_WL

    def _forward(self, ids: U32, starts: I64, lengths: I64) -> F32:
        head, tail = len(self._frame.prefix), len(self._frame.suffix)
        width = int(lengths.max()) + head + tail
        input_BT = np.full((len(starts), width), self._pad_id, dtype=np.int64)
        input_BT[:, :head] = self._frame.prefix
        for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            input_BT[row, head : head + length] = ids[start : start + length]
            input_BT[row, head + length : head + length + tail] = self._frame.suffix
        mask_BT = np.arange(width) < (lengths + head + tail)[:, None]
        logits_BL = self._model(
            input_ids=torch.from_numpy(input_BT).to(self._device),
            attention_mask=torch.from_numpy(mask_BT.astype(np.int64)).to(self._device),
        ).logits.float()
        found: F32 = logits_BL.cpu().numpy()
        return found


@dataclass(slots=True)
class _Lane:
    """Pinned memory of one pack on its way to the card and of its logits on their way back."""

    inputs: dict[str, torch.Tensor]
    done: torch.cuda.Event
    windows: I64 | None = None
    logits: torch.Tensor | None = None


class PackedEngine:
    """Windows sorted by length and laid end to end in packs of a fixed size, on CUDA.

    Full packs go through a compiled graph of one static shape; the last of a call, which is not
    full, goes uncompiled in the size that it has, so that a call for a few documents compiles
    nothing. Copies are asynchronous from pinned memory, and a pack's logits are fetched while the
    next one is computed. A pack that does not fit the card is halved until it does.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        frame: Frame,
        *,
        max_tokens: int,
        slot_count: int = CUDA_BATCH_TOKENS,
        compiled: bool = True,
    ) -> None:
        self.encoder = PackedEncoder(model).eval()
        self._compiled: Callable[..., torch.Tensor] = (
            torch.compile(self.encoder, dynamic=False, fullgraph=True) if compiled else self.encoder
        )
        self._frame = frame
        self._max_tokens = max_tokens
        self._slot_count = slot_count
        self._device = next(model.parameters()).device
        self._label_count = int(_config(model).num_labels)
        # Where a list is put here, each pack's start and end on the card are appended to it.
        self.events: list[tuple[torch.cuda.Event, torch.cuda.Event]] | None = None

    def logits(self, ids: U32, starts: I64, lengths: I64) -> F32:
        """Return float32 (windows, labels), each from a pack of windows of like length."""
        logits_WL = np.empty((len(starts), self._label_count), dtype=np.float32)
        order = np.argsort(lengths, kind="stable")
        rows = list(packs(lengths[order], self._frame.count, self._slot_count))
        lanes = [_Lane({}, torch.cuda.Event()) for _ in range(2)]
        for at, one in enumerate(rows):
            lane = lanes[at % 2]
            _fetch(lane, logits_WL)
            windows = order[one]
            full = at + 1 < len(rows)
            try:
                self._launch(lane, self._pack(ids, starts, lengths, windows, full=full), full=full)
                lane.windows = windows
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                logits_WL[windows] = _halved(
                    lambda part: self._alone(ids, starts, lengths, part), windows
                )
        for lane in lanes:
            _fetch(lane, logits_WL)
        return logits_WL

    def _pack(self, ids: U32, starts: I64, lengths: I64, windows: I64, *, full: bool) -> Pack:
        slots = self._slot_count
        if not full:
            slots = int(lengths[windows].sum()) + self._frame.count * len(windows)
        return pack_rows(ids, starts[windows], lengths[windows], self._frame, slots)

    def _launch(self, lane: _Lane, pack: Pack, *, full: bool) -> None:
        """Start a pack's copies and kernels; the lane's event fires when its logits are there."""
        device_inputs = []
        for name, array in (
            ("ids", pack.ids),
            ("positions", pack.positions),
            (f"borders{len(pack.borders)}", pack.borders),
        ):
            device_inputs.append(_pinned(lane, name, array).to(self._device, non_blocking=True))
        begin = torch.cuda.Event(enable_timing=True) if self.events is not None else None
        if begin is not None:
            begin.record()
        forward = self._compiled if full else self.encoder
        found = forward(*device_inputs, self._max_tokens)[: pack.window_count].float()
        if begin is not None and self.events is not None:
            end = torch.cuda.Event(enable_timing=True)
            end.record()
            self.events.append((begin, end))
        lane.logits = torch.empty(found.shape, dtype=found.dtype, pin_memory=True)
        lane.logits.copy_(found, non_blocking=True)
        lane.done.record()

    def _alone(self, ids: U32, starts: I64, lengths: I64, windows: I64) -> F32:
        lane = _Lane({}, torch.cuda.Event())
        self._launch(lane, self._pack(ids, starts, lengths, windows, full=False), full=False)
        lane.done.synchronize()
        assert lane.logits is not None
        found: F32 = lane.logits.numpy()
        return found


def _pinned(lane: _Lane, name: str, array: npt.NDArray[np.int32]) -> torch.Tensor:
    """Return the lane's pinned copy of an array; pinning anew for each pack would cost more."""
    room = lane.inputs.get(name)
    if room is None or len(room) < len(array):
        room = torch.empty(len(array), dtype=torch.int32, pin_memory=True)
        lane.inputs[name] = room
    room[: len(array)].numpy()[:] = array
    return room[: len(array)]


def _fetch(lane: _Lane, logits_WL: F32) -> None:
    """Wait for what the lane's last pack gave, and put it into its rows."""
    if lane.windows is None:
        return
    lane.done.synchronize()
    assert lane.logits is not None
    logits_WL[lane.windows] = lane.logits.numpy()
    lane.windows = None


def _halved(forward: Callable[[I64], F32], windows: I64) -> F32:
    """Return `forward` of the windows, or of their halves where the card has too little memory.

    Raises torch.OutOfMemoryError where a single window does not fit.
    """
    try:
        return forward(windows)
    except torch.OutOfMemoryError:
        if len(windows) == 1:
            raise
    # Outside the handler, whose traceback would keep the failed pass's tensors alive.
    torch.cuda.empty_cache()
    middle = len(windows) // 2
    return np.concatenate([_halved(forward, windows[:middle]), _halved(forward, windows[middle:])])


def _config(model: torch.nn.Module) -> Any:
    return model.config
