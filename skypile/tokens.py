"""Token ids and counts of documents, exactly those of Hugging Face tokenizers.

The ids are never those of a special token: a document that holds the literal of one is encoded as
the characters that it consists of, so that no text can inject a control token. Nothing is added
before or after a document, and a tokenizer's own truncation and padding are off.

Two engines do the work. gigatoken encodes about 100 times as fast as tokenizers, and refuses a
pre-tokenizer that it does not know; tokenizers encodes the rest. A silent difference of ids would
be the worst outcome, so gigatoken's are compared with those of tokenizers at each load.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from skypile.errors import TokenizerError

__all__ = ["DEFAULT_TOKENIZER", "Encoder", "EngineName", "TokenIds", "load_encoder"]

# Found by place, not by import: the package `classifiers` may load torch.
DEFAULT_TOKENIZER = Path(__file__).parents[1] / "classifiers/weights/default/tokenizer.json"

U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
EngineName = Literal["gigatoken", "tokenizers"]

# Takes UTF-8 documents, returns the ids of each.
_Engine = Callable[[list[bytes]], list[U32]]

_SLICE_BYTES = 8 << 20

# gigatoken keeps every distinct piece of text that it met, without a bound: 4.7 bytes of memory
# for each byte of Chinese without repeats (2.2 GB after 363 MB). A new instance takes 0.03 s.
_RENEWAL_BYTES = 64 << 20

_PROBES = (
    "",
    " ",
    "The quick brown fox can't jump; he'LL try, they'Re sure. I'm 'S not 's",
    "Pi is 3.14159265, 1,000,000 items in 2024-05-06T07:08:09Z cost $12.50 (≈ 11 €).",
    "https://example.org/a_b/c-d?e=f&g=%20#h mailto:someone@example.org",
    "人工智能正在改变世界，我们需要更多的数据。“引号”《书名》——破折号……",
    "繁體中文與簡體中文的差異：龍、龜、體、國、學。",
    "學而時習之，不亦說乎？有朋自遠方來，不亦樂乎？",
    "中英mixed文本with空格 和 spaces，2024年5月6日，共３５％，Ｆｕｌｌｗｉｄｔｈ　ＡＢＣ！",
    "生僻字：㐀㒨𠀀𪚥𰻝龘靐齉；兼容：豈更車；部首：⼀⼁⿰⿱",
    "日本語のテキスト、カタカナ、ｶﾀｶﾅ。한국어 텍스트, 한글",
    "Ünïcödé naïve café Å Å é ǅ ß ſ ﬁ Ⅷ ½ ² ٣ ೩ İı",
    "Русский текст. Ελληνικά. עברית. العربية ١٢٣. हिन्दी ४५. ไทย ภาษา",
    "😀😃👍🏽👨‍👩‍👧‍👦🇨🇳🏳️‍🌈 ✓ → ∑∫√ ①②③",
    "def f(x: int) -> str:\n\treturn f'{x:>{10}}'  # 注释\n\n\nclass A(B):\n    pass\n",
    '#include <stdio.h>\r\nint main(void) {\r\n  printf("%d\\n", 0x7F);\r\n}\r\n',
    '{"a": [1, 2.5e-10, null, true], "b": {"c": "\\u4f60"}}</div><!-- x -->',
    "   leading, trailing   ",
    "tabs\t\t\tand\u00a0no-break\u2003em\u3000ideographic\u200bzero\ufeffwidth",
    "\n\n\n \n \t\n  x\r\r\n\n\u2028\u2029\u0085\x0b\x0c\x1c\x1d\x1e\x1f y",
    "a \n b  \n  c   \r\n   d\n",
    "NUL \x00 in \x00\x00 text\x01\x02\x7f",
    "!!!???...---===___***///\\\\\\|||~~~```$$$%%%^^^&&&((([[[{{{",
    "'s't're've'm'll'd'S'T'RE'VE'M'LL'D ’s ’t don’t 'ſ",
    "a" * 3000,
    "的" * 1000,
    "人工智能" * 500,
    " " * 3000,
    "\n" * 3000,
    "=-" * 1500,
    "7" * 1000,
    "\U0010ffff\ufffd\ufffe\u0000",
    "x\u0301\u0323y\u0344 \u1100\u1161\u11a8 \u0958",
    "<|endoftext|><|im_start|>user<|im_end|> <s></s> [CLS] [SEP] [MASK] <unk> <pad> ▁ Ġ Ċ",
)


@dataclass(frozen=True)
class TokenIds:
    """The ids of a batch: document ``i`` has ``ids[offsets[i] : offsets[i + 1]]``.

    ``ids`` is flat uint32; ``offsets`` is int64 and one longer than the batch.
    """

    ids: U32
    offsets: I64


class Encoder:
    """One tokenizer.json, ready to encode on the calling thread; made by `load_encoder`."""

    fingerprint: str
    """The sha256 of the file, in hexadecimal."""
    vocab_size: int
    """One more than the largest id, special tokens included."""
    engine: EngineName
    """What encodes: "gigatoken", or "tokenizers" where the former does not know the pattern."""

    def __init__(self, content: bytes, path: Path) -> None:
        self.fingerprint = hashlib.sha256(content).hexdigest()
        reference, self.vocab_size = _tokenizers_engine(content, path)
        fast = _gigatoken_engine(content)
        self._encode: _Engine = reference
        self.engine = "tokenizers"
        if fast is not None:
            _check_equal(fast, reference, _probes(content), path)
            self._encode = fast
            self.engine = "gigatoken"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Encoder is not pickled: call load_encoder in each process")

    def encode(self, texts: pa.Array) -> TokenIds:
        """Return the ids of each text of a string array; a null text has none."""
        counts = np.zeros(len(texts), np.int64)
        parts: list[U32] = []
        start = 0
        for documents in _slices(texts):
            encoded = self._encode(documents)
            counts[start : start + len(documents)] = [len(ids) for ids in encoded]
            parts.append(np.concatenate(encoded))
            start += len(documents)
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return TokenIds(np.concatenate(parts) if parts else np.zeros(0, np.uint32), offsets)

    def count(self, texts: pa.Array) -> I64:
        """Return the number of tokens of each text as int64; a null text has none."""
        counts = [len(ids) for documents in _slices(texts) for ids in self._encode(documents)]
        return np.array(counts, np.int64)


_encoders: dict[str, Encoder] = {}


def load_encoder(path: Path | str) -> Encoder:
    """Return the encoder of a tokenizer.json; a process loads the same bytes once.

    Raises TokenizerError where the file cannot be read or is no tokenizer.json, and where
    gigatoken accepts it but its ids differ from those of tokenizers.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TokenizerError(
            f"{path}: cannot be read ({error.strerror}); expected a Hugging Face tokenizer.json"
        ) from error
    key = hashlib.sha256(content).hexdigest()
    if key not in _encoders:
        _encoders[key] = Encoder(content, path)
    return _encoders[key]


def _slices(texts: pa.Array) -> Iterator[list[bytes]]:
    """Yield the texts as UTF-8, a null as no bytes, in lists of up to 8 MB or of one text."""
    if len(texts) == 0:
        return
    texts = texts.cast(pa.large_string())
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    _, offset_buffer, data = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    view = memoryview(data if data is not None else b"")
    borders = offsets.tolist()
    start = 0
    while start < len(texts):
        limit = borders[start] + _SLICE_BYTES
        stop = max(start + 1, int(np.searchsorted(offsets, limit, side="right")) - 1)
        yield [bytes(view[borders[i] : borders[i + 1]]) for i in range(start, stop)]
        start = stop


def _tokenizers_engine(content: bytes, path: Path) -> tuple[_Engine, int]:
    """Return the reference engine and its vocabulary's size."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(content)
    except ValueError as error:
        raise TokenizerError(
            f"{path}: is not a Hugging Face tokenizer.json ({error}); "
            "save one with tokenizers.Tokenizer.save or download the model's own"
        ) from error
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def encode(documents: list[bytes]) -> list[U32]:
        # One by one: a batch would start a thread pool, which does not survive a fork.
        return [
            np.array(tokenizer.encode(text.decode(), add_special_tokens=False).ids, np.uint32)
            for text in documents
        ]

    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    return encode, max(vocabulary.values(), default=-1) + 1


def _gigatoken_engine(content: bytes) -> _Engine | None:
    """Return the fast engine, or None where it does not know this kind of tokenizer."""
    from gigatoken import Tokenizer

    description = json.loads(content)
    added = description.get("added_tokens") or []
    description["added_tokens"] = [token for token in added if not token.get("special")]
    source = json.dumps(description).encode()
    try:
        tokenizer = Tokenizer.from_json(source)
    except (RuntimeError, ValueError):
        return None
    byte_count = 0

    def encode(documents: list[bytes]) -> list[U32]:
        # One by one needs neither awkward (0.2 s to import) nor the thread pool, which does not
        # survive a fork; a call costs 2 µs.
        nonlocal tokenizer, byte_count
        byte_count += sum(map(len, documents))
        if byte_count > _RENEWAL_BYTES:
            tokenizer, byte_count = Tokenizer.from_json(source), 0
        return [tokenizer.encode(text) for text in documents]

    return encode


def _probes(content: bytes) -> list[str]:
    """Return the texts on which engines are compared, the file's own special literals included."""
    added = json.loads(content).get("added_tokens") or []
    literals = [token["content"] for token in added[:64]]
    return [*_PROBES, *(f"a {text}b{text}{text} 中{text}\n{text}" for text in literals)]


def _check_equal(fast: _Engine, reference: _Engine, probes: Sequence[str], path: Path) -> None:
    documents = [text.encode() for text in probes]
    for text, ids, expected in zip(probes, fast(documents), reference(documents), strict=True):
        if not np.array_equal(ids, expected):
            raise TokenizerError(
                f"{path}: gigatoken and tokenizers give different ids for {text[:60]!r} "
                f"({ids[:8].tolist()}… and {expected[:8].tolist()}…); counts would be wrong. "
                "Use another tokenizer.json and report this one"
            )
