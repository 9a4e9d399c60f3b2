"""Logits of windows: rectangles for any architecture, packs where variable-length attention is.

Which windows share a forward pass, and so the last bits of a logit, is a function of the windows
alone: never of free memory, of the clock or of what the process did before. The one exception is
a card that runs out of memory, where the alternative is to lose documents. Shape suffixes: W
windows, B windows of one batch, T positions, L labels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import torch

from classifiers.packed import PackedEncoder, has_variable_length_attention, is_packable
from classifiers.windows import I64, U32, Frame, Pack, batches, pack_rows, packs

__all__ = ["CpuPackedEngine", "Engine", "PackedEngine", "PaddedEngine", "engine_for"]

F32 = npt.NDArray[np.float32]

# A batch holds at most this many token slots, padding included. Constants and not measured at run
# time, because the batches decide the last bits of a score.
_CPU_BATCH_TOKENS: Final = 2_048
CUDA_BATCH_TOKENS: Final = 65_536
# So many packs may wait for the card: 0.4 s of work for BERT-base on an H200.
_PACKS_WAITING: Final = 16


class Engine(Protocol):
    """What a Scorer asks for the logits of windows."""

    def start(self, ids: U32, starts: I64, lengths: I64) -> Callable[[], F32]:
        """Begin with the windows ids[starts[w] : starts[w] + lengths[w]].

        The function returned waits for their logits, float32 (windows, labels).
        """
        ...


def engine_for(model: torch.nn.Module, frame: Frame, *, pad_id: int, max_tokens: int) -> Engine:
    """Return the fastest engine for a model where it is: packs, where they can be."""
    parameter = next(model.parameters())
    if parameter.device.type == "cpu" and is_packable(model.config):
        return CpuPackedEngine(model, frame, max_tokens=max_tokens)
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

    def start(self, ids: U32, starts: I64, lengths: I64) -> Callable[[], F32]:
        """Compute the logits, each from a batch of windows of like length, before it returns."""
        logits_WL = np.empty((len(starts), self._label_count), dtype=np.float32)
        budget = CUDA_BATCH_TOKENS if self._device.type == "cuda" else _CPU_BATCH_TOKENS

        def forward(part: I64) -> None:
            logits_WL[part] = self._forward(ids, starts[part], lengths[part])

        order = np.argsort(lengths, kind="stable")
        for rows in batches(lengths[order], self._frame.count, budget):
            _halved(forward, order[rows])
        return lambda: logits_WL

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


class CpuPackedEngine:
    """Windows of like length laid end to end, computed before `start` returns.

    Of the last layer nothing but the windows' first tokens is computed, and no padding but by
    attention: of two layers, that is half of what the model's own forward takes.
    """

    def __init__(self, model: torch.nn.Module, frame: Frame, *, max_tokens: int) -> None:
        self._encoder = PackedEncoder(model, dense_attention=True).eval()
        self._frame = frame
        self._max_tokens = max_tokens
        self._slot_count = max(_CPU_BATCH_TOKENS, max_tokens)
        self._label_count = int(_config(model).num_labels)

    def start(self, ids: U32, starts: I64, lengths: I64) -> Callable[[], F32]:
        """Compute the logits, each from a pack of windows of like length, before it returns."""
        logits_WL = np.empty((len(starts), self._label_count), dtype=np.float32)
        order = np.argsort(lengths, kind="stable")
        for rows in packs(lengths[order], self._frame.count, self._slot_count):
            part = order[rows]
            slots = int(lengths[part].sum()) + self._frame.count * len(part)
            pack = pack_rows(ids, starts[part], lengths[part], self._frame, slots)
            # Borders of windows that are not there would be rows of the attention's rectangle.
            borders = torch.from_numpy(pack.borders[: len(part) + 1])
            inputs = (torch.from_numpy(pack.ids), torch.from_numpy(pack.positions), borders)
            with torch.inference_mode():
                logits_BL = self._encoder(*inputs, self._max_tokens)
            logits_WL[part] = logits_BL.float().numpy()
        return lambda: logits_WL


@dataclass(slots=True)
class _Lane:
    """Pinned memory of one pack on its way to the card and of its logits on their way back."""

    inputs: dict[str, torch.Tensor]
    done: torch.cuda.Event
    windows: I64
    logits: torch.Tensor


class PackedEngine:
    """Windows sorted by length and laid end to end in packs of a fixed size, on CUDA.

    Full packs go through a compiled graph of one static shape; the last of a call, which is not
    full, goes uncompiled in the size that it has, so that a call for a few documents compiles
    nothing. Copies are asynchronous from pinned memory, and the card has up to 16 packs waiting
    while the caller prepares more. A pack that does not fit the card is halved until it does.
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
        self._free: list[dict[str, torch.Tensor]] = []
        # Where a list is put here, each pack's start and end on the card are appended to it.
        self.events: list[tuple[torch.cuda.Event, torch.cuda.Event]] | None = None

    def start(self, ids: U32, starts: I64, lengths: I64) -> Callable[[], F32]:
        """Send all windows to the card, each in a pack of windows of like length."""
        logits_WL = np.empty((len(starts), self._label_count), dtype=np.float32)
        order = np.argsort(lengths, kind="stable")
        rows = list(packs(lengths[order], self._frame.count, self._slot_count))
        waiting: deque[_Lane] = deque()

        def fetch() -> None:
            lane = waiting.popleft()
            lane.done.synchronize()
            logits_WL[lane.windows] = lane.logits.numpy()
            self._free.append(lane.inputs)

        def forward(windows: I64, *, full: bool = False) -> None:
            pack = self._pack(ids, starts, lengths, windows, full=full)
            waiting.append(self._launch(pack, windows, full=full))

        for at, one in enumerate(rows):
            if len(waiting) == _PACKS_WAITING:
                fetch()
            try:
                forward(order[one], full=at + 1 < len(rows))
            except torch.OutOfMemoryError:
                while waiting:
                    fetch()
                _halved(forward, order[one])

        def result() -> F32:
            while waiting:
                fetch()
            return logits_WL

        return result

    def _pack(self, ids: U32, starts: I64, lengths: I64, windows: I64, *, full: bool) -> Pack:
        slots = self._slot_count
        if not full:
            slots = int(lengths[windows].sum()) + self._frame.count * len(windows)
        return pack_rows(ids, starts[windows], lengths[windows], self._frame, slots)

    def _launch(self, pack: Pack, windows: I64, *, full: bool) -> _Lane:
        """Start a pack's copies and kernels; the lane's event fires when its logits are there."""
        inputs = self._free.pop() if self._free else {}
        arrays = {"ids": pack.ids, "positions": pack.positions, "borders": pack.borders}
        device_inputs = [
            _pinned(inputs, name, array).to(self._device, non_blocking=True)
            for name, array in arrays.items()
        ]
        begin = self._mark()
        forward = self._compiled if full else self.encoder
        found = forward(*device_inputs, self._max_tokens)[: pack.window_count].float()
        end = self._mark()
        if self.events is not None and begin and end:
            self.events.append((begin, end))
        logits = torch.empty(found.shape, dtype=found.dtype, pin_memory=True)
        logits.copy_(found, non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record()
        return _Lane(inputs, done, windows, logits)

    def _mark(self) -> torch.cuda.Event | None:
        if self.events is None:
            return None
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event


def _pinned(
    inputs: dict[str, torch.Tensor], name: str, array: npt.NDArray[np.int32]
) -> torch.Tensor:
    """Return the lane's pinned copy of an array; pinning anew for each pack would cost more."""
    room = inputs.get(name)
    if room is None or len(room) < len(array):
        room = torch.empty(len(array), dtype=torch.int32, pin_memory=True)
        inputs[name] = room
    room[: len(array)].numpy()[:] = array
    return room[: len(array)]


def _halved(forward: Callable[[I64], None], windows: I64) -> None:
    """Call `forward` with the windows, or with halves where the card has too little memory.

    Raises torch.OutOfMemoryError where a single window does not fit.
    """
    try:
        forward(windows)
        return
    except torch.OutOfMemoryError:
        if len(windows) == 1:
            raise
    # Outside the handler, whose traceback would keep the failed pass's tensors alive.
    torch.cuda.empty_cache()
    middle = len(windows) // 2
    _halved(forward, windows[:middle])
    _halved(forward, windows[middle:])


def _config(model: torch.nn.Module) -> Any:
    return model.config
