/**
 * A cache that forgets what was used longest ago, and what has grown too old.
 *
 * A Map remembers the order of insertion, so deleting and setting a key again moves it to the
 * end: no linked list is needed.
 */

interface Entry<V> {
  value: V;
  cost: number;
  expires: number;
}

export interface CacheOptions<V> {
  /** Upper bound on the sum of the costs. */
  capacity: number;
  /** Milliseconds after which an entry counts as absent. */
  maxAge?: number;
  /** What an entry costs; one by default. */
  cost?: (value: V) => number;
  /** The clock, for those who test. */
  now?: () => number;
}

export class LruCache<K, V> {
  private readonly entries = new Map<K, Entry<V>>();
  private readonly pending = new Map<K, Promise<V>>();
  private readonly options: Required<CacheOptions<V>>;
  private spent = 0;
  hits = 0;
  misses = 0;

  constructor(options: CacheOptions<V>) {
    if (!(options.capacity > 0)) throw new RangeError("a cache needs room for something");
    this.options = { maxAge: Infinity, cost: () => 1, now: Date.now, ...options };
  }

  get size(): number {
    return this.entries.size;
  }

  get(key: K): V | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined || entry.expires <= this.options.now()) {
      if (entry) this.delete(key);
      this.misses++;
      return undefined;
    }
    this.entries.delete(key);
    this.entries.set(key, entry);
    this.hits++;
    return entry.value;
  }

  set(key: K, value: V): void {
    this.delete(key);
    const cost = this.options.cost(value);
    if (cost > this.options.capacity) return; // it would push out everything and not fit then
    this.entries.set(key, { value, cost, expires: this.options.now() + this.options.maxAge });
    this.spent += cost;
    for (const oldest of this.entries.keys()) {
      if (this.spent <= this.options.capacity) break;
      this.delete(oldest);
    }
  }

  delete(key: K): boolean {
    const entry = this.entries.get(key);
    if (entry === undefined) return false;
    this.spent -= entry.cost;
    return this.entries.delete(key);
  }

  /**
   * Returns the cached value or loads it. Callers that ask while a load is under way share it;
   * a load that fails is not remembered, so that the next caller may try again.
   */
  async load(key: K, loader: (key: K) => Promise<V>): Promise<V> {
    const cached = this.get(key);
    if (cached !== undefined) return cached;
    const running = this.pending.get(key);
    if (running) return running;
    const promise = loader(key)
      .then((value) => {
        this.set(key, value);
        return value;
      })
      .finally(() => this.pending.delete(key));
    this.pending.set(key, promise);
    return promise;
  }

  clear(): void {
    this.entries.clear();
    this.spent = 0;
  }
}
