"""中文分词：用词频词典在有向无环图上求最大概率路径。

A small word segmenter. Every position of the sentence is a node, every word of the dictionary
that starts there is an edge, and the best path is found from the right in one pass. Unknown
characters stand alone, with a probability below that of every known word.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

HAN = re.compile(r"[\u4e00-\u9fff]+")


class Segmenter:
    """持有词典；构造之后不再改变，可以在多个线程之间共享。"""

    def __init__(self, frequencies: dict[str, int]) -> None:
        if not frequencies:
            raise ValueError("词典不能为空")
        total = sum(frequencies.values())
        self._log = {word: math.log(n / total) for word, n in frequencies.items()}
        self._unknown = -math.log(total) - 1.0  # 比只出现一次的词还要低
        self._longest = max(map(len, frequencies))

    @classmethod
    def from_lines(cls, lines: Iterable[str]) -> Segmenter:
        """读入“词 空格 次数”格式的词典，# 开头的行是注释。"""
        counts: Counter[str] = Counter()
        for number, line in enumerate(lines, 1):
            fields = line.split()
            if not fields or fields[0].startswith("#"):
                continue
            if len(fields) < 2 or not fields[1].isdigit():
                raise ValueError(f"第 {number} 行应为“词 次数”，实际是 {line!r}")
            counts[fields[0]] += int(fields[1])
        return cls(counts)

    def _cut_run(self, run: str) -> list[str]:
        """切分一段连续的汉字。"""
        size = len(run)
        score = [0.0] * (size + 1)
        ends = [0] * size
        for start in range(size - 1, -1, -1):
            # 单个字总是可行的，所以路径一定存在
            best, end = self._log.get(run[start], self._unknown) + score[start + 1], start + 1
            for stop in range(start + 2, min(size, start + self._longest) + 1):
                weight = self._log.get(run[start:stop])
                if weight is not None and weight + score[stop] > best:
                    best, end = weight + score[stop], stop
            score[start], ends[start] = best, end
        words, position = [], 0
        while position < size:
            words.append(run[position : ends[position]])
            position = ends[position]
        return words

    def cut(self, text: str) -> list[str]:
        """返回词的列表；汉字之外的部分按空白切开，原样保留。"""
        words: list[str] = []
        position = 0
        for match in HAN.finditer(text):
            words += text[position : match.start()].split()
            words += self._cut_run(match.group())
            position = match.end()
        return words + text[position:].split()


def coverage(segmenter: Segmenter, text: str) -> float:
    """返回被多字词覆盖的汉字比例，用来判断词典是否适合这类文本。"""
    characters = sum(len(match.group()) for match in HAN.finditer(text))
    if characters == 0:
        return 0.0
    covered = sum(len(word) for word in segmenter.cut(text) if len(word) > 1 and HAN.match(word))
    return covered / characters


if __name__ == "__main__":
    demo = Segmenter.from_lines(["南京市 30", "长江 40", "长江大桥 25", "市长 20", "大桥 15", "南京 35"])
    print(" / ".join(demo.cut("南京市长江大桥 opened in 1968")))
