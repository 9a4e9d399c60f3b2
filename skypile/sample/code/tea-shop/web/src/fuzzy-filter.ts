/**
 * Rank the teas of the catalogue against what is being typed, tolerating typing errors.
 *
 * 输入可以是英文名、拼音或汉字；排序的依据依次是：前缀匹配、编辑距离、名称长度。
 */

export interface Candidate {
  name: string;
  aliases: readonly string[];
}

export interface Match<C extends Candidate> {
  candidate: C;
  distance: number;
}

/** Removes accents and case, so that "Lóngjǐng" and "longjing" are one. */
export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase()
    .replace(/[\s'-]+/g, "");
}

/**
 * Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one
 * each. Gives up with Infinity as soon as a whole row exceeds `limit`. With `prefix`, what follows
 * in `target` after the best place is free.
 */
export function distance(typed: string, target: string, limit: number, prefix = false): number {
  const a = Array.from(typed);
  const b = Array.from(target);
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, older[j - 2] + 1);
      }
      row.push(cost);
      best = Math.min(best, cost);
    }
    if (best > limit) return Infinity;
    older = previous;
    previous = row;
  }
  const result = prefix ? Math.min(...previous) : previous[b.length];
  return result <= limit ? result : Infinity;
}

/** One error is allowed for every four characters typed; short input must be right. */
function allowance(typed: string): number {
  return Math.floor(Array.from(typed).length / 4);
}

export function rank<C extends Candidate>(
  typed: string,
  candidates: readonly C[],
  limit = 8,
): Match<C>[] {
  const wanted = fold(typed);
  if (wanted === "") return [];
  const errors = allowance(wanted);
  const matches: (Match<C> & { length: number; index: number })[] = [];
  candidates.forEach((candidate, index) => {
    let best = Infinity;
    for (const name of [candidate.name, ...candidate.aliases]) {
      best = Math.min(best, distance(wanted, fold(name), errors, true));
      if (best === 0) break;
    }
    if (best !== Infinity) {
      matches.push({ candidate, distance: best, length: candidate.name.length, index });
    }
  });
  matches.sort((x, y) => x.distance - y.distance || x.length - y.length || x.index - y.index);
  return matches.slice(0, limit).map((m) => ({ candidate: m.candidate, distance: m.distance }));
}
