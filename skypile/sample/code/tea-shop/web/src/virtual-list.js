/**
 * Shows a list of any length by keeping only the visible rows in the document.
 *
 * Rows may differ in height. Unmeasured rows count with the mean of the measured ones, and a
 * Fenwick tree turns scroll offsets into row numbers in O(log n).
 */

class Heights {
  constructor(count, guess) {
    this.count = count;
    this.values = new Float64Array(count).fill(guess);
    this.tree = new Float64Array(count + 1);
    for (let i = 1; i <= count; i++) {
      this.tree[i] += guess;
      const parent = i + (i & -i);
      if (parent <= count) this.tree[parent] += this.tree[i];
    }
  }

  set(index, height) {
    const delta = height - this.values[index];
    if (delta === 0) return false;
    this.values[index] = height;
    for (let i = index + 1; i <= this.count; i += i & -i) this.tree[i] += delta;
    return true;
  }

  /** Sum of the heights of the rows before `index`. */
  before(index) {
    let sum = 0;
    for (let i = index; i > 0; i -= i & -i) sum += this.tree[i];
    return sum;
  }

  /** The row that covers the offset. */
  at(offset) {
    let position = 0;
    let mask = 1 << Math.floor(Math.log2(Math.max(1, this.count)));
    for (; mask > 0; mask >>= 1) {
      const next = position + mask;
      if (next <= this.count && this.tree[next] <= offset) {
        position = next;
        offset -= this.tree[next];
      }
    }
    return Math.min(position, this.count - 1);
  }
}

export class VirtualList {
  /**
   * @param {HTMLElement} viewport element with a fixed height that scrolls
   * @param {number} count number of rows
   * @param {(index: number) => HTMLElement} render makes the element of a row
   */
  constructor(viewport, count, render, { guess = 32, margin = 4 } = {}) {
    Object.assign(this, { viewport, render, margin });
    this.heights = new Heights(count, guess);
    this.rows = new Map();
    this.spacer = document.createElement("div");
    this.spacer.style.position = "relative";
    viewport.append(this.spacer);
    this.onScroll = () => {
      // Several scroll events may come before a frame is drawn; one update is enough.
      this.frame ??= requestAnimationFrame(() => this.update());
    };
    viewport.addEventListener("scroll", this.onScroll, { passive: true });
    this.update();
  }

  update() {
    this.frame = undefined;
    const { heights, viewport, margin } = this;
    if (heights.count === 0) return;
    const first = Math.max(0, heights.at(viewport.scrollTop) - margin);
    const bottom = viewport.scrollTop + viewport.clientHeight;
    const last = Math.min(heights.count - 1, heights.at(bottom) + margin);
    for (const [index, element] of this.rows) {
      if (index < first || index > last) {
        element.remove();
        this.rows.delete(index);
      }
    }
    for (let index = first; index <= last; index++) {
      if (this.rows.has(index)) continue;
      const element = this.render(index);
      element.style.position = "absolute";
      element.style.width = "100%";
      this.spacer.append(element);
      this.rows.set(index, element);
    }
    for (const [index, element] of this.rows) heights.set(index, element.offsetHeight);
    for (const [index, element] of this.rows) element.style.top = `${heights.before(index)}px`;
    this.spacer.style.height = `${heights.before(heights.count)}px`;
  }

  destroy() {
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
    this.viewport.removeEventListener("scroll", this.onScroll);
    this.spacer.remove();
  }
}
