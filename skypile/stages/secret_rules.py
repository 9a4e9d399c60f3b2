"""What is a secret: formats of tokens, names that stand before values, and what is a placeholder.

Formats are those that the issuers document, or that public scanners (gitleaks, detect-secrets)
agree on; guards against placeholders are ours.
"""

from __future__ import annotations

import base64
import math
import re
from collections import Counter
from itertools import pairwise

from skypile.stages.pii_near import Find, Near

__all__ = ["assigned", "bearer", "pem", "token", "url"]

# Format of a whole token -> kind.
FORMATS: tuple[tuple[str, re.Pattern[bytes]], ...] = tuple(
    (kind, re.compile(form.encode()))
    for kind, form in (
        # AWS writes base32: no 0, 1, 8, 9.
        ("aws_key_id", r"A[KS]IA[A-Z2-7]{16}"),
        ("github_token", r"gh[pousr]_[A-Za-z0-9]{36,251}"),
        ("github_token", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
        ("gitlab_token", r"glpat-[\w-]{20,}(?:\.[0-9a-z]{2}\.[0-9a-z]{7,})?"),
        ("slack_token", r"xox[abeoprs]-(?=[a-zA-Z-]*[0-9])[0-9A-Za-z-]{10,250}"),
        ("stripe_key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,247}"),
        ("google_key", r"AIza[\w-]{35}|GOCSPX-[\w-]{28}|ya29\.[\w-]{20,}"),
        ("llm_key", r"sk-(?:proj|svcacct|admin|ant)-[\w-]{20,}|sk-[A-Za-z0-9]{32,64}"),
        ("hf_token", r"hf_[A-Za-z0-9]{34}"),
        ("npm_token", r"npm_[A-Za-z0-9]{36}"),
        ("pypi_token", r"pypi-Ag[\w-]{60,}"),
        ("vendor_token", r"SG\.[\w-]{20,24}\.[\w-]{40,46}|dop_v1_[0-9a-f]{64}"),
        ("vendor_token", r"hvs\.[\w-]{24,}|glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}"),
        ("vendor_token", r"dckr_pat_[\w-]{20,}|shpat_[0-9a-f]{32}"),
        ("jwt", r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}"),
    )
)  # fmt: skip
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----(.*)-----END \1-----", re.S)
_PEM_CHARS = 60  # an Ed25519 key has 64

_DUMMY = re.compile(
    rb"example|sample|dummy|placeholder|change.?me|replace|insert|redacted|removed|xxxx|your.?|"
    rb"\*\*\*|\.\.\.\.|deadbeef|cafebabe|1234567|abcdefg|0000000|fake|notreal|invalid",
    re.I,
)
# Words of made-up passwords, looked for in shorter ones only: by chance they stand in any.
_WEAK = re.compile(
    rb"test|demo|mock|admin|root|user|guest|default|hunter2|letmein|qwerty|abc123|welcome|monkey|"
    rb"dragon|login|none|null|undefined|true|false|value|q1w2e3",
    re.I,
)
_SHORT_WEAK = re.compile(rb"foo|bar|baz|abc|123|key|pwd", re.I)
_SAYS_SO = re.compile(rb"pass?w|pass|secret|token|pwd", re.I)
_WEAK_BYTES, _SHORT_WEAK_BYTES = 16, 10
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
# How letters are written by those who make up passwords.
_LEET = bytes.maketrans(b"013457@$!", b"oieastasi")
_TEMPLATE = re.compile(
    rb"[$#%@]\{|\{\{|\}\}|<%|%\(|\$\(|\A[$%<{@&!*#:~/\\.]|\{[\w.]*\}|%[sdrv]\b|>\Z|"
    rb"os\.environ|process\.env|getenv|ENV\b"
)
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
_HEX = re.compile(rb"(?:0x)?[0-9a-f]+", re.I)
_INTEGRITY = re.compile(
    rb"sha(?:1|256|384|512)[-:_]|md5[-:]|SHA256:|\$2[aby]\$|\$6\$|\$argon|pbkdf2"
)
_BASE64ISH = re.compile(rb"[A-Za-z0-9+/_.~-]+=*")
_LOWER_RUN = re.compile(rb"[a-z]{8,}|[A-Z]{10,}")
_IDENTIFIER = re.compile(rb"[A-Za-z_][\w-]*(?:[.:]{1,2}[\w-]+)*")

_NAME = re.compile(rb"[A-Za-z0-9_.-]*\Z")
_PASSWORD_NAME = re.compile(rb"(?:\A|[^a-z])?(?:passw(?:or)?d|passphrase|passwd|pwd)s?\d?\Z", re.I)
_SECRET_NAME = re.compile(
    rb"(?:secret(?:[_-]?(?:key|token|value|access[_-]?key))?|(?:auth|access|bearer|api|bot|refresh|"
    rb"session|private|deploy|github|gitlab|slack|npm|oauth|jwt|app|service|account)[_-]?(?:token|key)"
    rb"|(?:encryption|signing|master|shared[_-]?access|storage|license|admin|webhook|consumer|client|"
    rb"subscription)[_-]?(?:key|secret)|_token|\Atoken|app[_-]?secret)\d?\Z",
    re.I,
)
_NOT_SECRET_NAME = re.compile(
    rb"public|next|page|continuation|client[_-]?token|request|csrf|xsrf|cache|lookup|primary|foreign"
    rb"|sort|partition|hash|digest|sha\d|checksum|fingerprint|cursor|_id\Z|idempoten|sync|sign(?:ed|ature)"
    rb"|resume|marker|websocket",
    re.I,
)
_AWS_SECRET = re.compile(rb"[A-Za-z0-9/+]{40}")
_MIN_SECRET_BYTES = 16
_MIN_PASSWORD_BYTES = 6
_HASH_DIGITS = frozenset((32, 40, 56, 64, 96, 128))
# Bits per character: random hexadecimal digits of 16 characters lie above 2.6 in 99 % of cases,
# base64 of 20 above 3.6.
_HEX_BITS, _BASE64_BITS = 2.6, 3.4


def bits_per_char(value: bytes) -> float:
    """Return the Shannon entropy of the bytes of `value`, in bits."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def _ascending(value: bytes) -> bool:
    """Tell whether a run of eight counts up, as in made-up values."""
    run = 1
    for one, two in pairwise(value):
        run = run + 1 if two - one == 1 else 1
        if run == 8:
            return True
    return False


def dummy(value: bytes) -> bool:
    """Tell whether a token stands for one: says so, repeats itself, or counts."""
    body = value[-32:]
    return (
        bool(_DUMMY.search(value)) or len(set(body)) < min(8, len(body) // 2) or _ascending(value)
    )


def pem(near: Near) -> list[Find]:
    """Find a private key; not one whose body was cut to a few characters or dots."""
    match = _PEM.match(near.value)
    if match is None:
        return []
    body = re.sub(rb"\\n|[^A-Za-z0-9+/=]", b"", match[2])
    good = (
        len(body) >= _PEM_CHARS
        and len(set(body)) >= 16
        and not re.search(rb"xxxx|\.\.\.", match[2])
    )
    return [near.find("private_key")] if good else []


def token(near: Near) -> list[Find]:
    """Find a token by its prefix and its format."""
    for kind, form in FORMATS:
        match = form.match(near.value)
        if match is None:
            continue
        rest = near.value[match.end() :]
        if rest and not rest.startswith((b".", b"-")):
            continue
        if not dummy(match[0]) and _plausible(kind, match[0]):
            return [Find(kind, near.start, near.start + match.end())]
    return []


def _plausible(kind: str, value: bytes) -> bool:
    body = value[4:]
    if kind == "jwt":
        try:
            header = base64.urlsafe_b64decode(value.partition(b".")[0] + b"==")
        except ValueError:
            return False
        return b'"alg"' in header or b'"typ"' in header
    mixed = bool(re.search(rb"[0-9]", body)) or kind in ("aws_key_id", "hf_token")
    return mixed and bits_per_char(body) >= 2.6


def url(near: Near) -> list[Find]:
    """Find the password of a URL, unless it is a placeholder or as weak as `postgres:postgres`."""
    before, value = near.before(80), near.value
    if not re.match(rb"[\w\[$\{-]", near.behind(3)[1:2] or b" "):
        return []
    user = before.rpartition(b"://")[2].rstrip(b":").lower()
    return [near.find("url_password")] if _strong(value) and value.lower() != user else []


def _strong(value: bytes) -> bool:
    """Tell whether a password is one that somebody uses: no placeholder, no word, and no hash."""
    if len(value) < _MIN_PASSWORD_BYTES or len(set(value)) < 5 or _TEMPLATE.search(value):
        return False
    if dummy(value) or _weak(value) or _INTEGRITY.match(value) or _plain_name(value):
        return False
    if len(value) in _HASH_DIGITS and _HEX.fullmatch(value):
        return False
    return bool(re.search(rb"[A-Za-z]", value)) and bool(re.search(rb"[0-9]", value))


def _weak(value: bytes) -> bool:
    """Tell whether a short password is one of examples, as `s3cr3t` and `p%40ssword` are."""
    if len(value) > _WEAK_BYTES:
        return False
    plain = _PERCENT.sub(lambda match: bytes([int(match[1], 16)]), value)
    said = re.sub(rb"[^A-Za-z]", b"", plain.translate(_LEET))
    bare = re.sub(rb"[^A-Za-z]", b"", plain)
    short = len(value) <= _SHORT_WEAK_BYTES and _SHORT_WEAK.search(value)
    says_so = _SAYS_SO.search(said) or _SAYS_SO.search(bare) or _DUMMY.search(said)
    return bool(short or _WEAK.search(value) or says_so)


def _plain_name(value: bytes) -> bool:
    """Tell whether a value is words with a number at the end, as names are: `user_name2`."""
    return bool(re.fullmatch(rb"[A-Za-z]{2,}(?:[_.:-][A-Za-z]{2,})+[_.-]?\d{0,4}", value))


def assigned(near: Near, before: bytes) -> list[Find]:
    """Find a password, or the value of a name such as `api_key`; `before` ends with the name."""
    match = _NAME.search(before[-48:])
    name, value = match[0] if match else b"", near.value
    quoted = near.text[near.start - 1 : near.start] in (b'"', b"'", b"`")
    value = value.rstrip(b".,:") if not quoted else value
    if _PASSWORD_NAME.search(name):
        good = _strong(value) and (quoted or not _IDENTIFIER.fullmatch(value) or _mixed(value))
        return [Find("password", near.start, near.start + len(value))] if good else []
    if not _SECRET_NAME.search(name) or _NOT_SECRET_NAME.search(name):
        return []
    if not random_like(value) or (not quoted and not _mixed(value)):
        return []
    aws = _AWS_SECRET.fullmatch(value) and re.search(rb"aws|secret.?access", name, re.I)
    return [Find("aws_secret" if aws else "secret", near.start, near.start + len(value))]


def _mixed(value: bytes) -> bool:
    """Tell whether letters and digits change places at least three times: no name does."""
    kinds = re.sub(rb"[0-9]+", b"0", re.sub(rb"[A-Za-z]+", b"a", value))
    return len(kinds) >= 4


def random_like(value: bytes) -> bool:
    """Tell whether a value looks drawn by chance: long, mixed, without words, no UUID, no hash."""
    if len(value) < _MIN_SECRET_BYTES or not _BASE64ISH.fullmatch(value) or dummy(value):
        return False
    if _UUID.fullmatch(value) or _INTEGRITY.match(value) or _plain_name(value):
        return False
    digits = len(re.findall(rb"[0-9]", value))
    both = re.search(rb"[a-z]", value) and re.search(rb"[A-Z]", value)
    if digits < (1 if both else 2) or digits == len(value):
        return False
    if _HEX.fullmatch(value):
        return bits_per_char(value) >= _HEX_BITS
    words = sum(map(len, _LOWER_RUN.findall(value)))
    return words * 3 <= len(value) and bits_per_char(value) >= _BASE64_BITS


def bearer(near: Near) -> list[Find]:
    """Find what stands behind `Bearer` or `Basic`: a random value, a name and a password."""
    value = near.value.rstrip(b".,:;")
    if value.startswith(b"eyJ"):
        return []
    if re.search(rb"basic[ \t]+\Z", near.before(16), re.I):
        try:
            user, colon, word = base64.b64decode(value, validate=True).partition(b":")
        except ValueError:
            return []
        good = bool(colon) and user.isascii() and word.isascii() and _strong(word)
        return [Find("password", near.start, near.start + len(value))] if good else []
    good = len(value) >= 20 and random_like(value)
    return [Find("secret", near.start, near.start + len(value))] if good else []
