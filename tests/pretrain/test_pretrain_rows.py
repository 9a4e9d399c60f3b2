"""Rows cover the tokens, know their documents, and are a pure function of their place."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from skypile.errors import InputError
from skypile.pretrain.loss import IGNORED
from skypile.pretrain.rows import Rows, prefetched
from skypile.pretrain.shuffle import permuted
from skypile.pretrain.token_file import Part, TokenFile, open_tokens

LENGTHS = [3, 1, 30, 2, 64, 5, 5, 5, 40, 1, 1, 12]  # 169 tokens


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10, 64, 1000, 65_537])
def test_the_order_is_a_permutation(count):
    order = permuted(np.arange(count), count=count, key="0:0")
    assert np.array_equal(np.sort(order), np.arange(count))


def test_the_order_differs_by_seed_and_by_epoch_and_is_not_the_files():
    orders = [permuted(np.arange(1000), count=1000, key=key) for key in ("0:0", "0:1", "1:0")]
    orders.append(np.arange(1000))
    for number, one in enumerate(orders):
        for other in orders[number + 1 :]:
            assert (one == other).mean() < 0.02
    steps = np.diff(orders[0])
    assert abs(np.corrcoef(steps[:-1], steps[1:])[0, 1] + 0.5) < 0.1  # as independent draws have


def test_an_element_of_the_order_does_not_depend_on_which_others_are_asked_for():
    whole = permuted(np.arange(777), count=777, key="7:3")
    assert [int(permuted(np.array([at]), count=777, key="7:3")[0]) for at in (0, 5, 776)] == [
        int(whole[at]) for at in (0, 5, 776)
    ]


def test_an_epoch_covers_every_token_once(token_file):
    rows = Rows(token_file(LENGTHS), row_tokens=8, seed=0)
    assert rows.row_count == 21
    batch = rows.batch(0, batch_rows=21, document_slots=64)
    assert torch.equal(batch.ids_BT.flatten().sort().values, torch.arange(168))
    following = batch.ids_BT + 1
    is_target = batch.targets_BT != IGNORED
    assert torch.equal(batch.targets_BT[is_target], following[is_target])
    begins = set(np.cumsum(LENGTHS).tolist())
    assert torch.equal(~is_target, torch.isin(following, torch.tensor(sorted(begins))))
    assert batch.target_count == 168 - len(begins - {169})


@pytest.mark.parametrize("row_tokens", [1, 5, 8, 16, 168])
def test_documents_within_rows_are_apart(token_file, row_tokens):
    source = token_file(LENGTHS)
    rows = Rows(source, row_tokens=row_tokens, seed=4)
    batch = rows.batch(0, batch_rows=rows.row_count, document_slots=256)
    document_of = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
    borders = batch.cu_seqlens_S.numpy()
    assert len(borders) == 257
    assert (np.diff(borders) >= 0).all()
    assert borders[-1] == batch.token_count
    ids, positions = batch.ids_BT.flatten().numpy(), batch.positions_BT.flatten().numpy()
    pairs = 0
    for start, end in pairwise(borders):
        if start == end:
            continue
        assert start // row_tokens == (end - 1) // row_tokens  # within one row
        assert len(set(document_of[ids[start:end]])) == 1
        assert np.array_equal(positions[start:end], np.arange(end - start))
        assert np.array_equal(np.diff(ids[start:end]), np.ones(end - start - 1))
        pairs += int(end - start) ** 2 / 2
    assert batch.pairs == pairs
    parts = sum(len(np.unique(document_of[row])) for row in batch.ids_BT.numpy())
    assert np.count_nonzero(np.diff(borders)) == parts == rows.documents_per_row.sum()


def test_rows_are_a_pure_function_of_their_place(token_file):
    source = token_file(LENGTHS)
    one, other = (Rows(source, row_tokens=8, seed=2) for _ in range(2))
    whole = one.batch(0, batch_rows=50, document_slots=128)  # over two ends of an epoch
    for start in (0, 3, 19, 40):
        part = other.batch(start, batch_rows=10, document_slots=64)
        assert torch.equal(part.ids_BT, whole.ids_BT[start : start + 10])
        assert torch.equal(part.targets_BT, whole.targets_BT[start : start + 10])
        assert torch.equal(part.positions_BT, whole.positions_BT[start : start + 10])


def test_slots_suffice_for_every_batch_of_a_run(token_file):
    rows = Rows(token_file([1] * 500 + [500]), row_tokens=100, seed=0)
    slots = rows.document_slots(start=0, batch_count=9, batch_rows=2)
    assert slots % 64 == 0
    assert len(list(rows.batches(start=0, batch_count=9, batch_rows=2, document_slots=slots))) == 9


def test_whole_rows_are_one_document_each(token_file):
    rows = Rows(token_file(LENGTHS), row_tokens=8, seed=0, documents_apart=False)
    batch = rows.batch(0, batch_rows=3, document_slots=3)
    assert batch.cu_seqlens_S.tolist() == [0, 8, 16, 24]
    assert batch.positions_BT.tolist() == [list(range(8))] * 3
    assert batch.target_count == 24
    assert batch.pairs == 3 * 32


def test_prefetching_changes_nothing(token_file):
    rows = Rows(token_file(LENGTHS), row_tokens=8, seed=0)
    run = {"start": 0, "batch_count": 7, "batch_rows": 3, "document_slots": 64}
    plain = [batch.ids_BT.tolist() for batch in rows.batches(**run)]
    ahead = prefetched(rows.batches(**run), torch.device("cpu"))
    assert [batch.ids_BT.tolist() for batch in ahead] == plain


def test_an_error_of_the_reading_thread_is_raised_by_the_reader(token_file):
    def broken():
        yield Rows(token_file(LENGTHS), row_tokens=8, seed=0).batch(
            0, batch_rows=1, document_slots=64
        )
        raise InputError("the disk is gone")

    ahead = prefetched(broken(), torch.device("cpu"))
    next(ahead)
    with pytest.raises(InputError, match="the disk is gone"):
        next(ahead)


def test_a_file_shorter_than_a_row_is_refused(token_file):
    source = token_file([8])
    with pytest.raises(InputError, match="holds 8 tokens, but a row needs 9"):
        Rows(source, row_tokens=8, seed=0)


def in_parts(source: TokenFile, folder: Path, documents: list[int]) -> TokenFile:
    """The same documents in several parts, of so many documents each."""
    folder.mkdir()
    parts, first = [], 0
    for number, count in enumerate(documents):
        borders = source.offsets[first : first + count + 1]
        source.tokens[borders[0] : borders[-1]].tofile(folder / f"part-{number:05d}.tok")
        (borders - borders[0]).tofile(folder / f"part-{number:05d}.idx")
        parts.append(Part(name=f"part-{number:05d}", token_count=int(borders[-1] - borders[0]),
                          document_count=count))  # fmt: skip
        first += count
    manifest = source.manifest.model_copy(update={"parts": tuple(parts)})
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return open_tokens(folder)


def test_parts_are_read_as_one_file(token_file, tmp_path, monkeypatch):
    monkeypatch.setattr("skypile.pretrain.token_file._MAPPED_PARTS", 1)
    whole = token_file([3, 9, 1, 20, 2, 5])
    parts = in_parts(whole, tmp_path / "parts", [2, 1, 3])
    every = whole.tokens[:]
    assert parts.offsets.tolist() == whole.offsets.tolist() and len(parts.tokens) == 40
    # A folder of before there were parts.
    first = whole.manifest.model_copy(update={"format_version": 1})
    path = whole.path.with_name("manifest.json")
    path.write_text(first.model_dump_json(exclude={"parts"}))
    assert open_tokens(path.parent).offsets.tolist() == whole.offsets.tolist()
    for first in range(41):
        for end in range(first, 42):
            assert parts.tokens[first:end].tolist() == every[first:end].tolist()
    one, other = (
        Rows(source, row_tokens=6, seed=1).batch(0, batch_rows=6, document_slots=64)
        for source in (whole, parts)
    )
    for field in ("ids_BT", "targets_BT", "positions_BT", "cu_seqlens_S"):
        assert torch.equal(getattr(one, field), getattr(other, field))


def test_torn_and_missing_files_are_refused(token_file, tmp_path):
    whole = token_file([8, 9, 4])
    with pytest.raises(InputError, match="is no folder of tokens"):
        open_tokens(tmp_path / "nowhere")
    whole.path.write_bytes(whole.path.read_bytes()[:-2])
    with pytest.raises(InputError, match="holds 20 tokens and 3 documents"):
        open_tokens(whole.path.parent)
    cases = [
        ("part-00001.tok", None, "No such file or directory: .*part-00001.tok"),
        ("part-00001.idx", None, "No such file or directory: .*part-00001.idx"),
        ("part-00001.idx", b"\x00" * 12, "holds 9 tokens and 0.5 documents"),
        ("part-00001.idx", b"\x00" * 16, "its borders do not fit its tokens"),
        ("part-00001.tok", b"", "part-00001.tok: holds 0 tokens and 1 documents"),
        ("manifest.json", b"{}", "manifest.json: .*Field required"),
    ]
    for number, (name, data, sentence) in enumerate(cases):
        folder = tmp_path / str(number)
        in_parts(token_file([8, 9, 4]), folder, [1, 1, 1])
        if data is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(data)
        with pytest.raises(InputError, match=f"(?s){sentence}"):
            open_tokens(folder)
    manifest = whole.manifest.model_copy(update={"token_count": 22})
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    with pytest.raises(InputError, match="its parts hold 21 tokens and 3 documents"):
        open_tokens(folder)
