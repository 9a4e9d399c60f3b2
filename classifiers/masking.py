"""Masks for masked-language-model training: what hides together, and what stands in its place.

A unit is what is hidden as a whole: a word of Latin letters, or one character that byte-level BPE
has split over tokens; every other token is a unit of its own. Shape suffixes: V vocabulary entries,
B rows of a batch, T positions, K slots for masked positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from tokenizers import Tokenizer

from classifiers import ClassifierError

__all__ = ["Masked", "Vocabulary", "masked", "unit_starts", "vocabulary"]

# Devlin et al. 2019, section 3.1: of the chosen, 80 % become the mask token and 10 % a random one.
_MASK_FRAC: Final = 0.8
_RANDOM_FRAC: Final = 0.1
_PAST_ALL_DRAWS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What masking must know of a vocabulary; the tensors lie on one device.

    `is_special`, `is_inside` (begins within a character), `begins_letter` and `ends_letter` (ASCII
    letters) are bool (V,); `ordinary` holds the ids that are not special.
    """

    mask_id: int
    ordinary: torch.Tensor
    is_special: torch.Tensor
    is_inside: torch.Tensor
    begins_letter: torch.Tensor
    ends_letter: torch.Tensor


class Masked(NamedTuple):
    """A batch with hidden tokens: `inputs` (B, T); positions, targets and use of slots (B, K)."""

    inputs: torch.Tensor
    at: torch.Tensor
    targets: torch.Tensor
    is_used: torch.Tensor


def _byte_alphabet() -> dict[str, int]:
    """Return the byte for which each character of byte-level BPE stands (Radford et al. 2019)."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    found = {chr(byte): byte for byte in visible}
    return found | {chr(256 + at): byte for at, byte in enumerate(hidden)}


def _is_letter(byte: int) -> bool:
    return chr(byte).isascii() and chr(byte).isalpha()


def vocabulary(tokenizer: Tokenizer, mask_token: str, device: torch.device) -> Vocabulary:
    """Return what masking must know of a byte-level BPE; another tokenizer is a ClassifierError."""
    alphabet = _byte_alphabet()
    added = tokenizer.get_added_tokens_decoder()
    special = {at for at, token in added.items() if token.special}
    count = tokenizer.get_vocab_size()
    table = torch.zeros((4, count), dtype=torch.bool)
    for at in range(count):
        if at in special:
            table[0, at] = True
            continue
        content = [alphabet.get(char, -1) for char in tokenizer.id_to_token(at) or ""]
        if not content or min(content) < 0:
            raise ClassifierError(
                f"tokenizer: entry {at} ({tokenizer.id_to_token(at)!r}) is none of a byte-level "
                "BPE; the warm-up masks whole characters and needs one"
            )
        table[1, at] = 0x80 <= content[0] <= 0xBF
        table[2, at] = _is_letter(content[0])
        table[3, at] = _is_letter(content[-1])
    mask_id = tokenizer.token_to_id(mask_token)
    if mask_id not in special:
        raise ClassifierError(f"tokenizer: {mask_token!r} is not among its special tokens")
    table = table.to(device)
    ordinary = torch.nonzero(~table[0]).flatten()
    return Vocabulary(mask_id, ordinary, table[0], table[1], table[2], table[3])


def unit_starts(ids: torch.Tensor, known: Vocabulary) -> torch.Tensor:
    """Return where units begin, bool (B, T); `ids` is int64, likewise."""
    ends_letter_BT = known.ends_letter[ids[:, :-1]]
    next_BT = ids[:, 1:]
    goes_on_BT = known.is_inside[next_BT] | (known.begins_letter[next_BT] & ends_letter_BT)
    first_B1 = torch.ones_like(ids[:, :1], dtype=torch.bool)
    return torch.cat((first_B1, ~goes_on_BT), dim=1)


def masked(
    ids: torch.Tensor, known: Vocabulary, slot_count: int, generator: torch.Generator
) -> Masked:
    """Return the rows with whole units hidden: as many as fit into `slot_count` tokens a row.

    `ids` is int64 (B, T) on the generator's device, `slot_count` below T. No special token is
    chosen. A slot is unused where the next unit would not have fitted, which is for less than one
    unit a row, or where a row has too few ordinary tokens. What replaces a unit is drawn once.
    """
    assert 0 < slot_count < ids.shape[1]
    shape, device = ids.shape, ids.device
    position_T = torch.arange(shape[1], device=device)
    starts_BT = unit_starts(ids, known)
    first_BT = torch.where(starts_BT, position_T, 0).cummax(dim=1).values
    draw_BT = torch.rand(shape, generator=generator, device=device).gather(1, first_BT)
    draw_BT = draw_BT.masked_fill(known.is_special[ids], _PAST_ALL_DRAWS)
    # Tokens of a unit share a draw, so that sorting keeps them together.
    sorted_BT, order_BT = draw_BT.sort(dim=1, stable=True)
    at_BK = order_BT[:, :slot_count]
    is_used_BK = sorted_BT[:, :slot_count] < sorted_BT[:, slot_count : slot_count + 1]
    targets_BK = ids.gather(1, at_BK)

    fate_BT = torch.rand(shape, generator=generator, device=device).gather(1, first_BT)
    fate_BK = fate_BT.gather(1, at_BK)
    picks_BK = torch.randint(len(known.ordinary), at_BK.shape, generator=generator, device=device)
    random_BK = known.ordinary[picks_BK]
    kept_BK = torch.where(fate_BK < _MASK_FRAC + _RANDOM_FRAC, random_BK, targets_BK)
    shown_BK = torch.where(fate_BK < _MASK_FRAC, known.mask_id, kept_BK)
    shown_BK = torch.where(is_used_BK, shown_BK, targets_BK)
    return Masked(ids.scatter(1, at_BK, shown_BK), at_BK, targets_BK, is_used_BK)
