"""Texts written for the tests: name -> (text, programming language or None)."""

from __future__ import annotations

ENGLISH = """The harbour master kept two clocks on his desk, and neither of them was right.

One had stopped in the winter of the great storm, when the sea came over the wall and stood in the
office up to the second drawer. He had never had it mended, because it reminded him that the wall
could be higher. The other ran four minutes fast, and he liked to say that this was the only way to
be early in a town where everyone was late.

Ships that have called here for thirty years still ask for the old pilot by name. They are told
that he retired, and that his daughter has the boat now; with her at the wheel nobody has touched
the bank since. "You have to read the water," she says, "and to read it you have to look."
"""

CHINESE = """老渔民张海生每天清晨四点起床，先看天，再看潮，然后才决定要不要出海。

他说，这门手艺是父亲教的，父亲又是从爷爷那里学来的。三代人守着同一片海，见过风平浪静，也见过
巨浪滔天。现在村里的年轻人大多去了城里工作，愿意学捕鱼的已经不多了。去年，镇上办了一个培训班，
请他去讲课，他起初不肯，后来还是去了。

“海不会骗人，”他在课上对学生们说，“骗人的是以为自己懂海的人。”这句话后来被写在了教室的墙上。
学生里有一个姓林的姑娘，原来在城里做会计，如今已经能够独自驾船，在三十海里以外的渔场作业。
"""

TRADITIONAL = """這座圖書館建於一百年前，牆上的磚是從對岸運來的。

館長說，當年為了運這些磚，鎮上的人們輪流划船，劃了整整兩個夏天。後來發生過一場大火，屋頂燒掉了
一半，但是書都被搶救出來，沒有一本遺失。現在每年到了那一天，孩子們還會在門前排隊，把書一本一本
傳進去，紀念那個夜晚。管理員會給每個人發一張卡片，上面寫著他們傳過的書的名字。
"""

CLASSICAL = """東山有木，其高百尋。樵者過之而不伐，人問其故，曰：「無所用也。」

夫木之無用者，得終其天年；人之無用者，亦可以全其身乎？或曰不然，木無心而人有志。志之所存，雖無用於
世，而有用於己。是以君子藏器於身，待時而動，何不利之有？故曰，無用之用，其為用也大矣。
"""

MENU = "\n".join(
    ["首页", "新闻", "体育", "娱乐", "财经", "科技", "房产", "汽车", "教育", "旅游"] * 5
)

CASINO = (
    "本站官方推荐现金网，注册送彩金，百家乐、老虎机、真人娱乐应有尽有，首存返水天天有。"
    "下注请认准新葡京备用网址，手机下载开奖即时查询，娱乐城贵宾会等你来。\n"
) * 3

JAPANESE = "港の近くに小さな食堂があります。朝は漁師たちでにぎわい、昼からは観光客が並びます。" * 3
KOREAN = (
    "항구 근처에 작은 식당이 있습니다. 아침에는 어부들로 붐비고 점심에는 관광객이 줄을 섭니다. " * 3
)
GERMAN = (
    "Der Hafenmeister hatte zwei Uhren auf dem Tisch, und keine von beiden ging richtig. Die eine "
    "war im Winter der großen Sturmflut stehen geblieben, die andere ging vier Minuten vor. "
) * 2
RUSSIAN = (
    "У начальника порта на столе стояли двое часов, и ни одни не показывали верное время. Одни "
    "остановились зимой, когда море перешло через стену, другие спешили на четыре минуты. "
) * 2

PYTHON = '''"""Read tide tables and say when a boat may leave."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tide:
    """One turning point of the water."""

    minute: int
    height: float


def safe_minutes(tides: list[Tide], draught: float) -> list[int]:
    """Return the minutes at which the water is deep enough."""
    found = []
    for before, after in zip(tides, tides[1:]):
        for minute in range(before.minute, after.minute):
            share = (minute - before.minute) / (after.minute - before.minute)
            height = before.height + share * (after.height - before.height)
            if height >= draught:  # the keel is free
                found.append(minute)
    return found
'''

C = """/* Ring buffer of fixed size: the oldest entry makes room for the newest. */
#include <stddef.h>
#include <string.h>

struct ring {
    unsigned char data[256];
    size_t head, used;
};

void ring_put(struct ring *r, unsigned char value)
{
    r->data[(r->head + r->used) % sizeof r->data] = value;
    if (r->used < sizeof r->data)
        r->used++;
    else
        r->head = (r->head + 1) % sizeof r->data;
}

int ring_get(struct ring *r, unsigned char *value)
{
    if (r->used == 0)
        return 0; /* nothing there */
    *value = r->data[r->head];
    r->head = (r->head + 1) % sizeof r->data;
    r->used--;
    return 1;
}
"""

TABLE = (
    "static const unsigned char font[] = {\n"
    + "    0x1f, 0x2b, 0x00, 0x7e, 0x42, 0x18,\n" * 40
    + "};\n"
)

MARKDOWN = """# Tide tables

Boats leave this harbour when the water is deep enough, and the program below tells when that is.
It reads the turning points that the port office prints every month, and it draws a straight line
between two of them. That is not what the sea does, but it is close enough for a small boat.

```python
for minute in safe_minutes(tides, draught=1.4):
    print(minute)
```

To try it with your own tables, put them into a file with one turning point on a line. The first
number is the minute of the day and the second one the height of the water in metres.
"""

MIXED = """海港程序说明

下面这个程序读取潮汐表，并且告诉你船什么时候可以离港。它在两个转折点之间画一条直线，这并不是海的
真实样子，但是对一条小船来说已经足够了。请看代码：

for minute in safe_minutes(tides, draught=1.4): print(minute)

The original article appeared on the pages of the harbour office, and was translated by readers.
"""

GO = """package tides

import "errors"

var ErrLow = errors.New("the water is too low for this boat, come back in an hour or two")

// Next returns the minute at which the boat may leave.
func Next(heights []float64, draught float64) (int, error) {
	for minute, height := range heights {
		if height >= draught {
			return minute, nil
		}
	}
	return 0, ErrLow
}
"""

SHELL = """#!/bin/sh
# Fetch the tide tables of the coming month, and keep the old ones.
set -e
dir="${1:-/var/lib/tides}"
for port in north south; do
  if [ -f "$dir/$port.csv" ]; then
    mv "$dir/$port.csv" "$dir/$port.old"
  fi
  curl -s "https://tides.example.com/$port.csv" > "$dir/$port.csv" || exit 1
done
echo "done"
"""

SQL = """-- Boats that may leave today.
CREATE TABLE boats (name text PRIMARY KEY, draught numeric NOT NULL);
CREATE VIEW ready AS
SELECT boats.name, min(tides.minute) AS first_minute
FROM boats JOIN tides ON tides.height >= boats.draught
WHERE tides.day = current_date
GROUP BY boats.name
ORDER BY first_minute;
"""

CHINESE_COMMENTS = """// 根据潮汐表计算船只可以离港的时间
class Harbor {
    private double draught;  // 吃水深度，单位是米
    private List<Tide> tides;

    /* 返回第一个水深足够的时刻，
       如果当天没有这样的时刻，就返回负一 */
    int firstMinute() {
        for (Tide tide : tides) {
            if (tide.height >= draught) return tide.minute;  // 水够深了
        }
        return -1;  // 今天不能出海
    }
}
"""

LICENCE_HEADER = """# Copyright (c) The Harbour Office and its readers.
# All rights reserved.
#
# This source code is licensed under the terms that stand in the file LICENSE,
# in the folder above this one.

from harbour.tides import Tide as Tide
"""

MANUAL_PAGE = """TIDES(3)                     Library Functions Manual                     TIDES(3)

NAME
       tide_next, tide_last - find the turning points of the water

SYNOPSIS
       #include <tides.h>

       int tide_next(const struct tide *table, size_t size, double draught);
       int tide_last(const struct tide *table, size_t size, double draught);

DESCRIPTION
       tide_next() returns the first minute at which the water is at least as deep as draught.
       It reads the table from its start, which must be in the order of time.  tide_last() does
       the same from the end.

           struct tide {
               int    minute;   /* of the day */
               double height;   /* in metres */
           };

RETURN VALUE
       The minute, or -1 if there is none.

SEE ALSO
       ports(5), tides(7)
"""

TEX = r"""\section{The height of the tide}
\label{sec:height}

Let $h(t)$ be the height of the water at minute $t$. Between two turning points $t_0 < t_1$ we take
the straight line through both of them, so that
\[ h(t) = h(t_0) + \frac{t - t_0}{t_1 - t_0} \bigl(h(t_1) - h(t_0)\bigr). \]
\begin{prop}
  If the boat has draught $d$ and $h(t_0) < d \le h(t_1)$, then there is exactly one minute in
  between at which it may leave.
\end{prop}
\begin{proof}
  The line rises from below $d$ to $d$ or above, and it is continuous.
\end{proof}
"""

README = """textmill
========

.. image:: https://ci.example.com/textmill/badge.svg
   :target: https://ci.example.com/textmill

A small library that reads tide tables. It was written for the harbour office, which had its tables
on paper until a few years ago, and it knows about the strange hours of the northern ports.

Install it with ``pip install textmill``, then call it from a program:

.. code-block:: python

   from textmill import Table
   table = Table.read("north.csv")
   print(table.first(draught=1.4))

What it returns is the minute of the day. The licence is in the file LICENSE.
"""

CHINESE_README = """# 潮汐表

[![build](https://ci.example.com/badge.svg)](https://ci.example.com)

这个小程序读取潮汐表，告诉你船什么时候可以离港。它在两个转折点之间画一条直线。

## 安装

```sh
pip install textmill
textmill --draught 1.4 north.csv
```

## 用法

把潮汐表存成一个文件，每行写一个转折点，第一个数字是一天中的分钟，第二个数字是以米为单位的水深。
"""

# Made up for this file, and in pieces, so that no scanner takes it for somebody's.
_PIECES = ("3f9a0c77d1e2b6485ad09c41", "Tide7low+Water")
LEAKY = f"""# Copyright (c) 2031 The Harbour Office
# SPDX-License-Identifier: MIT

API_KEY = "{_PIECES[0]}"
DATABASE = "postgres://harbour:{_PIECES[1]}@db.internal/tides"
password = "changeme"


def connect(url=DATABASE, key=API_KEY):
    return url, key
"""

TEXTS: dict[str, tuple[str, str | None]] = {
    "leaky": (LEAKY, "python"),
    "english": (ENGLISH, None),
    "chinese": (CHINESE, None),
    "traditional": (TRADITIONAL, None),
    "classical": (CLASSICAL, None),
    "menu": (MENU, None),
    "casino": (CASINO, None),
    "japanese": (JAPANESE, None),
    "korean": (KOREAN, None),
    "german": (GERMAN, None),
    "russian": (RUSSIAN, None),
    "python": (PYTHON, None),
    "python file": (PYTHON, "python"),
    "c": (C, None),
    "table": (TABLE, "c"),
    "markdown": (MARKDOWN, None),
    "mixed": (MIXED, None),
    "repeated": (ENGLISH * 3, None),
    "repeated chinese": (CHINESE * 3, None),
    "go": (GO, None),
    "shell": (SHELL, None),
    "sql": (SQL, None),
    "chinese comments": (CHINESE_COMMENTS, None),
    "licence header": (LICENCE_HEADER, None),
    "manual page": (MANUAL_PAGE, None),
    "tex": (TEX, "tex"),
    "readme": (README, "rst"),
    "chinese readme": (CHINESE_README, "markdown"),
    "empty": ("", None),
    "blank": (" \n\u3000\u00a0\n", None),
    "digits": ("12 34 56", None),
}
