// 泡茶计时器：根据茶类、水温和第几泡，给出建议的浸泡时间并倒数。
//
// The countdown is computed from the wall clock on every tick instead of counting ticks, because
// browsers slow timers down to one per minute in background tabs.

const TEAS = {
  green: { name: "绿茶", celsius: 80, first: 60, growth: 1.35, infusions: 3 },
  white: { name: "白茶", celsius: 90, first: 45, growth: 1.3, infusions: 6 },
  oolong: { name: "乌龙茶", celsius: 95, first: 25, growth: 1.25, infusions: 7 },
  black: { name: "红茶", celsius: 95, first: 20, growth: 1.4, infusions: 5 },
  puer: { name: "普洱茶", celsius: 100, first: 12, growth: 1.2, infusions: 10 },
};

/** Seconds for the given infusion, counted from one. Cooler water takes longer: 3 % per degree. */
export function steepSeconds(kind, infusion, celsius) {
  const tea = TEAS[kind];
  if (!tea) throw new Error(`unknown tea ${kind}; known: ${Object.keys(TEAS).join(", ")}`);
  if (infusion < 1 || infusion > tea.infusions) {
    throw new RangeError(`${tea.name}一般只泡 ${tea.infusions} 次`);
  }
  const base = tea.first * tea.growth ** (infusion - 1);
  const cooler = Math.max(0, tea.celsius - (celsius ?? tea.celsius));
  return Math.round((base * 1.03 ** cooler) / 5) * 5 || 5;
}

export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export class BrewTimer {
  #deadline = 0;
  #left = 0;
  #handle = undefined;

  constructor({ onTick, onDone, now = () => performance.now() }) {
    this.onTick = onTick;
    this.onDone = onDone;
    this.now = now;
  }

  get running() {
    return this.#handle !== undefined;
  }

  start(seconds) {
    this.pause();
    this.#left = seconds * 1000;
    this.resume();
  }

  pause() {
    if (!this.running) return;
    clearInterval(this.#handle);
    this.#handle = undefined;
    this.#left = Math.max(0, this.#deadline - this.now());
  }

  resume() {
    if (this.running || this.#left === 0) return;
    this.#deadline = this.now() + this.#left;
    this.#handle = setInterval(() => this.#tick(), 200);
    this.#tick();
  }

  #tick() {
    const left = this.#deadline - this.now();
    if (left > 0) {
      this.onTick(clock(left / 1000));
      return;
    }
    clearInterval(this.#handle);
    this.#handle = undefined;
    this.#left = 0;
    this.onTick(clock(0));
    this.onDone();
  }
}

/** The whole session as rows for a table: infusion, seconds and the sum so far. */
export function plan(kind, celsius) {
  const rows = [];
  let total = 0;
  for (let infusion = 1; infusion <= TEAS[kind].infusions; infusion++) {
    const seconds = steepSeconds(kind, infusion, celsius);
    total += seconds;
    rows.push({ infusion, seconds, total, label: clock(seconds) });
  }
  return rows;
}
