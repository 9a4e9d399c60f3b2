"""E-mail addresses and addresses of the Internet Protocol."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from skypile.stages.pii_near import Find, Near, Words, pattern

__all__ = ["email", "ipv4", "ipv6"]

# Country codes (ISO 3166-1, with ac, eu, su and uk), and the generic domains that occur. A list
# keeps file names (icon@2x.png), decorators and versions of packages (left@1.2.x) out.
COUNTRIES = """
ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw
by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et
eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id
ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu
lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np
nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk
sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy
uz va vc ve vg vi vn vu wf ws ye yt za zm zw
"""
GENERIC = """
com net org edu gov mil int arpa info biz name pro mobi asia jobs tel travel museum coop aero cat
xyz top vip shop club online site store tech app dev cloud email work group ltd ink wang ren fun
live life world today news blog wiki page team agency company academy center digital design games
global health host ist law link london love media network news ngo nyc one plus press rocks school
science services social software solutions space studio systems technology tokyo tools university
video web website zone berlin amsterdam paris moscow hamburg wien
example test invalid onion
"""
TLDS = frozenset((COUNTRIES + GENERIC).encode().split())

_LABEL = re.compile(rb"(?!-)[A-Za-z0-9-]{1,63}(?<!-)\Z")
_PUNYCODE = re.compile(rb"xn--[a-z0-9-]+\Z", re.IGNORECASE)
_USER_OF_URL = re.compile(rb"[a-z][a-z0-9+.-]*://[^\s/@]*\Z", re.IGNORECASE)
# The begin of an id of a message: the time of day and the number of a process.
_MESSAGE_LOCAL = re.compile(rb"[0-9]{10,}\.[0-9A-Za-z]+")
_MESSAGE = re.compile(rb"(?:message-id|in-reply-to|references)\W*\Z")
_PATH = re.compile(rb":[\w.~-]*/|:[\w.-]+\.git\b|[(=]")


def email(near: Near) -> list[Find]:
    """Return the address, without stops and dashes before it and what a sentence put behind it.

    Users in URLs, remotes of git and ids of messages are none.
    """
    at = near.value.index(b"@")
    local = near.value[:at]
    local = local[local.rfind(b"..") + 2 :] if b".." in local else local
    local = local.lstrip(b".-%+")
    end = _domain_end(near.value[at + 1 :])
    if not local or local.endswith(b".") or not end or _MESSAGE_LOCAL.match(local):
        return []
    found = Near(near.text, near.start + at - len(local), near.start + at + 1 + end)
    before = found.before(60)
    url = b"://" in before and _USER_OF_URL.search(before)
    if url or _PATH.match(found.behind(40)) or _MESSAGE.search(before[-24:].lower()):
        return []
    return [found.find("email")]


def _domain_end(domain: bytes) -> int:
    """Return the length of the domain's name, 0 where it is none.

    ``example.com.Then`` is the end of a sentence and the begin of another one.
    """
    labels = domain.split(b".")
    if not _known(labels[-1]) and labels[-1][:1].isupper():
        labels.pop()
    if len(labels) < 2 or not _known(labels[-1]) or not all(map(_LABEL.match, labels)):
        return 0
    return len(b".".join(labels))


def _known(label: bytes) -> bool:
    plain = label.islower() or label.isupper()
    return plain and (label.lower() in TLDS or bool(_PUNYCODE.match(label)))


# IANA IPv4 and IPv6 Special-Purpose Address Registries: what stands for no host of the Internet.
LOCAL = tuple(
    ipaddress.ip_network(net)
    for net in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/127", "64:ff9b::/96", "100::/64", "2001:db8::/32", "3fff::/20", "fc00::/7",
        "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
_ADDRESS = Words(
    "ip ips ipv address addresses addr host hosts hostname server servers dns nameserver "
    "nameservers resolver resolvers gateway subnet netmask router proxy endpoint src dst",
    "地址 主机 服务器 网关 子网 路由 代理 解析 端口 域名 解析到 网段",
)  # fmt: skip
# These speak for what stands right behind them.
_COMMAND = Words(
    "ping traceroute dig nslookup ssh telnet ftp whois connect client peer remote bind port "
    "listen",
    "连接 端口",
)  # fmt: skip
_COMMAND_BYTES = 14
_VERSION = Words(
    "version versions ver v vers release releases build firmware driver drivers patch rev "
    "revision sdk runtime package oid player reader adobe itunes skype flash office oracle java "
    "ios android chrome firefox opera safari acrobat",
    "版本 固件 驱动 补丁 升级到 更新到 升级至 更新至",
)  # fmt: skip
_SECTION = Words(
    "kernel update upgrade upgraded section sections chapter clause figure fig table step see "
    "abschnitt kapitel siehe chapitre voir paragraaf zie sekcja sezione capitolo",
    "内核 更新 升级 章 节 節 条款 图 圖 表 第 见 見",
)  # fmt: skip
_NAMED = re.compile(rb"(?:[A-Za-z0-9]/|[A-Za-z]-|[A-Za-z]\.|\.\.|[$\xa5])\Z")
_GLUED = re.compile(rb"-[A-Za-z]|\.[0-9A-Za-z]|\.\*|%")


def ipv4(near: Near) -> list[Find]:
    """Return the address, unless it is a version, a number of a section or an identifier.

    Three parts below 40 in front (Linux 2.6.39.4) make it as likely one of these: then a word must
    speak for it. Of a word for it and a word against it the nearer one counts.
    """
    parts = near.value.split(b".")
    if any(int(part) > 255 or (part[0] == 0x30 and len(part) > 1) for part in parts):
        return []
    small = all(int(part) < 40 for part in parts[:3]) and parts[0] != b"10"
    before, behind = near.before(60 if small else 20), near.behind(16)
    if _NAMED.search(before[-2:]) or _GLUED.match(behind):
        return []
    version = max(_VERSION.last(before), _SECTION.last(before) if small else -1)
    if (small or version >= 0) and not _is_addressed(before, behind, version):
        return []
    return [near.find("local_ip" if _is_local(near.value) else "ipv4")]


def _is_addressed(before: bytes, behind: bytes, version: int) -> bool:
    """Tell whether a word for addresses stands nearer than `version`, the end of another word."""
    if before.endswith((b"://", b"@")):
        return True
    command = _COMMAND.last(before)
    near = command if command >= len(before) - _COMMAND_BYTES else -1
    address = max(_ADDRESS.last(before), near)
    if address < 0 and version < 0:
        return _ADDRESS.begin(behind.lstrip(b" :/,"))
    return address >= version


@lru_cache(4096)
def _is_local(address: bytes) -> bool:
    found = ipaddress.ip_address(address.decode())
    return any(found in net for net in LOCAL)


_IPV6_BEFORE = re.compile(rb"[\w\])]\[\Z")
_SLICE = re.compile(rb"[-\w$]")
_HALF = re.compile(rb"2[0-9]{3}::")  # a year and a selector of CSS
_GLOBAL = re.compile(rb"[23][0-9a-f]{3}:", re.IGNORECASE)
_LOCAL_IPV6 = pattern("(?i:fe[89ab][0-9a-f]:|f[cd][0-9a-f]{2}:|ff[0-9a-f]{2}:|::1\\Z|64:ff9b:)")


def ipv6(near: Near) -> list[Find]:
    """Return the address if it is global unicast (2000::/3, RFC 4291) or known as local.

    Everything else with colons (``std::``, ``a[::2]``, ``dead::beef``) is none.
    """
    value = near.value
    if not (_GLOBAL.match(value) or _LOCAL_IPV6.match(value)) or _HALF.fullmatch(value):
        return []
    if _IPV6_BEFORE.search(near.before(2)) or _SLICE.match(near.behind(1)):
        return []
    try:
        ipaddress.IPv6Address(value.decode())
    except ValueError:
        return []
    return [near.find("local_ip" if _is_local(value) else "ipv6")]
