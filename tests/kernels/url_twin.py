"""Lists of domains and URLs in plain Python."""

from __future__ import annotations

import re
from collections.abc import Collection

SCHEME = re.compile(r"(?:[a-z+.0-9-]+:)?[/\\]{2}", re.I)


def host_and_path(url: str) -> tuple[str, str] | None:
    """Return host (in ASCII) and path of a URL; None where it has no host."""
    match = re.match(r"[A-Za-z+.\-0-9]+:[/\\]{2}|//", url)
    rest = url[match.end() :] if match else url
    authority = re.match(r"[^/\\?#]*", rest)[0]  # type: ignore[index]
    path = rest[len(authority) :]
    place = authority.rpartition("@")[2]
    found = re.fullmatch(r"(\[[^\]]*\]|(?!\[)[^:]*)(?::(\d{0,5}))?", place)
    if not found or int(found[2] or 0) > 65535:
        return None
    host = found[1]
    if host.startswith("["):
        inner = host[1:-1].lower()
        return (host.lower(), path) if re.fullmatch(r"[0-9a-f:.]{2,45}", inner) else None
    if re.search(r"%(?![0-9a-fA-F]{2})", host):
        return None
    if len(host) > 1:
        host = host.removesuffix(".")
    host = re.sub(r"%(..)", lambda two: chr(int(two[1], 16)), host).lower()
    if not re.fullmatch(r"[a-z0-9_.-]+", host) or len(host) > 253:
        return None
    labels = host.split(".")
    if any(not 0 < len(label) <= 63 for label in labels) or (not match and len(labels) == 1):
        return None
    return host, path


def path_pieces(path: str) -> str:
    """Return a path and its query in one form."""
    path = path.partition("#")[0].rstrip("/").replace("\\", "/")

    def one(match: re.Match[str]) -> str:
        byte = int(match[1], 16)
        plain = re.fullmatch(r"[A-Za-z0-9._~-]", chr(byte)) if byte < 0x80 else None
        return chr(byte) if plain else f"%{byte:02X}"

    path = re.sub(r"%(?![0-9a-fA-F]{2})", "\0", path)
    path = re.sub(r"%([0-9a-fA-F]{2})", one, path)
    raw = path.replace("\0", "%")
    return "".join(c if " " < c < "\x80" else "".join(f"%{b:02X}" for b in c.encode()) for c in raw)


def listed(url: str, domains: Collection[str], addresses: Collection[str]) -> int | None:
    """Return in how many ways a URL is listed; None where it has no host."""
    read = host_and_path(url.strip("".join(map(chr, range(0x21)))))
    if read is None:
        return None
    host, path = read
    labels = host.split(".")
    whole = host.startswith("[") or labels[-1].isdigit()
    above = [host] if whole else [".".join(labels[at:]) for at in range(len(labels))]
    pieces = path_pieces(path)
    own = host if whole else re.sub(r"^www\.(?=.)", "", host)
    parts = [pieces[:at] for at in range(1, len(pieces)) if pieces[at] in "/?&"] + [pieces]
    return any(name in domains for name in above) + any(
        own + part in addresses for part in parts if part
    )
