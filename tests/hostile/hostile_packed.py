"""Hostile gzip and zstd files."""

from __future__ import annotations

import gzip
import random
import zlib
from pathlib import Path

import zstandard
from hostile_cases import Expected, Lines, hostile

MB = 1_000_000
MANY = 200_000


def gz(*members: bytes) -> bytes:
    return b"".join(gzip.compress(member, 6, mtime=0) for member in members)


def zst(*frames: bytes, level: int = 3, window_log: int = 0) -> bytes:
    given = zstandard.ZstdCompressionParameters.from_level(
        level, **({"window_log": window_log} if window_log else {}), write_checksum=1
    )
    compressor = zstandard.ZstdCompressor(compression_params=given)
    return b"".join(compressor.compress(frame) for frame in frames)


def skippable(data: bytes, kind: int = 10) -> bytes:
    return bytes([0x50 + kind, 0x2A, 0x4D, 0x18]) + len(data).to_bytes(4, "little") + data


def gz_lines(lines: Lines) -> list[bytes]:
    """Return one gzip member in pieces, of which each can be decoded without those behind it."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    pieces = [
        packer.compress(line + b"\n") + packer.flush(zlib.Z_FULL_FLUSH) for line in lines.lines
    ]
    return [*pieces, packer.flush()]


def zst_lines(lines: Lines) -> list[bytes]:
    """Return one zstd frame in pieces, of which each can be decoded without those behind it."""
    packer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
    pieces = [packer.compress(line + b"\n") + packer.flush(block) for line in lines.lines]
    return [*pieces, packer.flush()]


PIECES = {"gz": gz_lines, "zst": zst_lines}


def _for_both(kind: str) -> None:
    pieces = PIECES[kind]

    @hostile(f"cut.jsonl.{kind}", f"a .{kind} that ends in the middle of its fourth line")
    def cut(path: Path) -> Expected:
        lines = Lines(path.name)
        lines.good(5)
        found = pieces(lines)
        path.write_bytes(b"".join(found[:3]) + found[3][: len(found[3]) // 2])
        del lines.expected.good[3:]
        return lines.expected.losing("truncated")

    @hostile(f"cut-at-a-line.jsonl.{kind}", f"a .{kind} that lacks its end, behind a whole line")
    def cut_at_a_line(path: Path) -> Expected:
        lines = Lines(path.name)
        lines.good(5)
        path.write_bytes(b"".join(pieces(lines)[:-1]))
        return lines.expected.losing("truncated")

    @hostile(f"corrupt.jsonl.{kind}", f"a .{kind} with a wrong checksum: all text, then the error")
    def corrupt(path: Path) -> Expected:
        lines = Lines(path.name)
        lines.good(5)
        data = bytearray(b"".join(pieces(lines)))
        data[-8 if kind == "gz" else -1] ^= 0x55
        path.write_bytes(data)
        return lines.expected.losing("bad_compression")

    @hostile(f"corrupt-inside.jsonl.{kind}", f"a .{kind} with a damaged header behind two members")
    def corrupt_inside(path: Path) -> Expected:
        lines = Lines(path.name)
        lines.good(6)
        pack = gz if kind == "gz" else zst
        members = [pack(b"\n".join(lines.lines[at : at + 2]) + b"\n") for at in (0, 2, 4)]
        path.write_bytes(members[0] + members[1] + b"garbage" + members[2])
        del lines.expected.good[4:]
        return lines.expected.losing("bad_compression")

    @hostile(f"nothing.jsonl.{kind}", f"a .{kind} without a byte")
    def nothing(path: Path) -> Expected:
        path.write_bytes(b"")
        return Expected().losing("truncated")

    @hostile(f"empty-members.jsonl.{kind}", f"a .{kind} of empty members around good ones")
    def empty_members(path: Path) -> Expected:
        lines = Lines(path.name)
        lines.good(4)
        pack = gz if kind == "gz" else zst
        path.write_bytes(pack(b"", b"", lines.data(), b"", b""))
        return lines.expected

    @hostile(f"plain.jsonl.{kind}", f"JSON Lines that are only named .{kind}")
    def plain(path: Path) -> Expected:
        lines = Lines(path.name)
        lines.good(3)
        return lines.write(path)

    @hostile(f"noise.jsonl.{kind}", f"random bytes named .{kind}")
    def noise(path: Path) -> Expected:
        path.write_bytes(b"\0" + random.Random(1).randbytes(5000))
        return Expected().losing("bad_compression")

    @hostile(f"other.jsonl.{'zst' if kind == 'gz' else 'gz'}", f"a .{kind} that has another name")
    def other(path: Path) -> Expected:
        lines = Lines(path.name)
        lines.good(3)
        path.write_bytes((gz if kind == "gz" else zst)(lines.data()))
        return lines.expected

    @hostile(f"unnamed-{kind}.jsonl", f"a .{kind} that is named as if it were not compressed")
    def unnamed(path: Path) -> Expected:
        lines = Lines(path.name)
        lines.good(3)
        path.write_bytes((gz if kind == "gz" else zst)(lines.data()))
        return lines.expected

    @hostile(f"within.jsonl.{kind}", f"a .{kind} within a .{kind}: its bytes are no lines")
    def within(path: Path) -> Expected:
        pack = gz if kind == "gz" else zst
        inner = pack(random.Random(2).randbytes(3000).hex().encode())
        expected = Expected()
        for line in inner.removesuffix(b"\n").split(b"\n"):
            expected.errors[_kind_of(line)] += bool(line.strip())
        path.write_bytes(pack(inner))
        return expected


def _kind_of(line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "bad_utf8"
    return "bad_json"


for one in PIECES:
    _for_both(one)


@hostile("one-byte.jsonl.zst", "the first byte of a zstd frame")
def one_byte(path: Path) -> Expected:
    path.write_bytes(b"\x28")
    return Expected().losing("truncated")


@hostile("padded.jsonl.gz", "a .gz behind which zero bytes stand, as on tapes")
def padded(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good(4)
    path.write_bytes(gz(lines.data()) + bytes(100_000))
    return lines.expected


@hostile("skippable.jsonl.zst", "skippable frames in front of, between and behind good ones")
def skippable_frames(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good(4)
    half = [zst(b"\n".join(lines.lines[at : at + 2]) + b"\n") for at in (0, 2)]
    skipped = [skippable(bytes(size), kind) for size, kind in ((0, 0), (3, 15), (3 * MB, 7))]
    path.write_bytes(skipped[0] + half[0] + skipped[1] + skipped[2] + half[1] + skipped[1])
    return lines.expected


@hostile("skippable-alone.jsonl.zst", "skippable frames and nothing else")
def skippable_alone(path: Path) -> Expected:
    path.write_bytes(skippable(b"abc") * 3)
    return Expected()


@hostile("skippable-lie.jsonl.zst", "a skippable frame of 4 GB, of which 10 bytes are there")
def skippable_lie(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good(2)
    path.write_bytes(zst(lines.data()) + b"\x50\x2a\x4d\x18\xff\xff\xff\xff0123456789")
    return lines.expected.losing("truncated")


@hostile("window-512mb.jsonl.zst", "frames with windows of 512 MB around few bytes")
def window_small(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good(3)
    path.write_bytes(_windowed([lines.data()], 29))
    return lines.expected


@hostile("window-filled.jsonl.zst", "a frame with a window of 512 MB, filled", size="heavy")
def window_filled(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good()
    blank = b" " * ((1 << 20) - 1) + b"\n"
    path.write_bytes(_windowed([lines.data(), *[blank] * 600], 29))
    return lines.expected


@hostile("window-too-large.jsonl.zst", "a frame that asks for a window of 4 TB")
def window_too_large(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good(2)
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([(41 - 10) << 3]) + b"\x01\0\0"
    path.write_bytes(zst(lines.data()) + frame)
    return lines.expected.losing("bad_compression")


def _windowed(pieces: list[bytes], window_log: int) -> bytes:
    """Return a frame of `pieces` that needs a window of 2^window_log bytes."""
    given = zstandard.ZstdCompressionParameters(
        window_log=window_log, hash_log=8, chain_log=8, strategy=1, write_content_size=0
    )
    packer = zstandard.ZstdCompressor(compression_params=given).compressobj()
    return b"".join(packer.compress(piece) for piece in pieces) + packer.flush()


def zst_zeros(size: int, filler: bytes = b"\0") -> bytes:
    """Return a frame of `size` times `filler` in few bytes, made without holding them."""
    packer = zstandard.ZstdCompressor(level=19).compressobj()
    block = filler * (1 << 20)
    found = [packer.compress(block) for _ in range(size >> 20)]
    return b"".join(found) + packer.compress(filler * (size & 0xFFFFF)) + packer.flush()


@hostile(
    "bomb-zeros.jsonl.zst", "300 MB of zeros from 9 kB: one line, over the limit", size="heavy"
)
def bomb_zeros(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good()
    lines.bad("too_large", b"")
    lines.good()
    bomb = zst_zeros(300 * MB)
    assert len(bomb) < 30_000
    path.write_bytes(zst(lines.lines[0] + b"\n") + bomb + zst(b"\n" + lines.lines[2]))
    return lines.expected


@hostile("bomb-line.jsonl.zst", "a document of 300 MB from 9 kB, over the limit", size="heavy")
def bomb_line(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.bad("too_large", b"")
    lines.good()
    bomb = zst(b'{"text": "') + zst_zeros(300 * MB, b"a") + zst(b'"}\n')
    path.write_bytes(bomb + zst(lines.lines[1]))
    return lines.expected


@hostile("bomb-newlines.jsonl.zst", "300 MB of newlines from 9 kB: no records", size="heavy")
def bomb_newlines(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good()
    path.write_bytes(zst(lines.data()) + zst_zeros(300 * MB, b"\n"))
    return lines.expected


@hostile("bomb.jsonl.gz", "300 MB of zeros from 300 kB of gzip: one line", size="heavy")
def bomb_gzip(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good()
    lines.bad("too_large", b"")
    lines.good()
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    bomb = b"".join([packer.compress(zeros) for _ in range(300)]) + packer.flush()
    path.write_bytes(gz(lines.lines[0] + b"\n") + bomb + gz(b"\n" + lines.lines[2]))
    return lines.expected


@hostile("bomb-nested.jsonl.zst", "300 MB of zeros in zstd in zstd: the inner frame is a line")
def bomb_nested(path: Path) -> Expected:
    inner = zst_zeros(300 * MB).replace(b"\n", b"")
    lines = Lines(path.name)
    lines.bad("bad_utf8", inner)
    return _packed(path, lines)


@hostile("bomb-frames.jsonl.zst", "100,000 frames: 300 MB of blanks, line by line", size="heavy")
def bomb_frames(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good()
    path.write_bytes(zst(lines.data()) + zst(b" " * 2999 + b"\n") * 100_000)
    return lines.expected


@hostile("many.jsonl.zst", "200,000 documents of two bytes: {}, and texts", size="many")
def many(path: Path) -> Expected:
    expected = Expected()
    expected.errors["bad_text_type"] += MANY // 2
    expected.rejected["wrong_language"] += MANY // 2
    texts = b"".join(b'{"text":"%02d"}\n{}\n' % (number % 100) for number in range(MANY // 2))
    path.write_bytes(zst(texts))
    return expected


def _packed(path: Path, lines: Lines) -> Expected:
    path.write_bytes(zst(lines.data()))
    return lines.expected
