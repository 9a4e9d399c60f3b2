"""把整数写成中文数字，也把中文数字读回整数。

写法遵循日常习惯：10 写作“十”而不是“一十”，连续的零只读一个，
每四位一节，节的单位是万、亿、万亿。大写（财务）数字另有一套字形。
"""

from __future__ import annotations

DIGITS = "零一二三四五六七八九"
PLACES = ("", "十", "百", "千")
GROUPS = ("", "万", "亿", "万亿")
FORMAL = str.maketrans("零一二三四五六七八九十百千", "零壹贰叁肆伍陆柒捌玖拾佰仟")
INFORMAL = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟两〇", "一二三四五六七八九十百千二零")
LIMIT = 10**16


def _group(value: int) -> str:
    """写出 1 到 9999 之间的一节，节内的零最多读一次。"""
    parts: list[str] = []
    pending_zero = False
    for place in range(3, -1, -1):
        digit = value // 10**place % 10
        if digit == 0:
            pending_zero = bool(parts)
            continue
        if pending_zero:
            parts.append("零")
            pending_zero = False
        parts.append(DIGITS[digit] + PLACES[place])
    return "".join(parts)


def write(value: int, *, formal: bool = False) -> str:
    """返回中文数字；绝对值必须小于一亿亿。"""
    if abs(value) >= LIMIT:
        raise ValueError(f"{value} 超出范围")
    if value == 0:
        return "零"
    rest, groups = abs(value), []
    while rest:
        rest, group = divmod(rest, 10_000)
        groups.append(group)
    # 亿以上的两节共用一个“亿”，否则 1_0002_0000_0000 会读出两个“亿”
    text = ""
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        if group == 0:
            continue
        gap = bool(text) and (group < 1000 or groups[index + 1] == 0)
        unit = "万" if index == 3 and groups[2] else GROUPS[index]
        text += ("零" if gap else "") + _group(group) + unit
    if formal:
        return ("负" if value < 0 else "") + text.translate(FORMAL)
    if text.startswith("一十"):
        text = text[1:]
    return ("负" if value < 0 else "") + text


def read(text: str) -> int:
    """读出中文数字的值；遇到不认识的字时报错并指出位置。"""
    plain = text.translate(INFORMAL)
    negative = plain.startswith("负")
    total = section = digit = 0
    for position, char in enumerate(plain):
        if char == "负" and position == 0:
            continue
        if char in DIGITS:
            digit = DIGITS.index(char)
        elif char in PLACES[1:]:
            # “十五”开头没有数字，按一十五理解
            section += (digit or 1) * 10 ** PLACES.index(char)
            digit = 0
        elif char == "万":
            total, section, digit = total + (section + digit) * 10_000, 0, 0
        elif char == "亿":
            total, section, digit = (total + section + digit) * 10**8, 0, 0
        else:
            raise ValueError(f"第 {position + 1} 个字 {char!r} 不是数字：{text!r}")
    return (-1 if negative else 1) * (total + section + digit)


if __name__ == "__main__":
    for number in (10, 15, 105, 1_010, 20_030, 100_000_008, -3_204, 1_0002_0000_0003):
        spelled = write(number)
        assert read(spelled) == number, (number, spelled)
        print(f"{number:>16,}  {spelled}  {write(number, formal=True)}")
