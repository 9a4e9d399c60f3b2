/**
 * fetch() for unreliable networks: time limits, retries with jitter, and a circuit breaker.
 *
 * Only requests that may be repeated safely are repeated. A server that answers 429 or 503 with
 * Retry-After is believed, up to the time that is left.
 */

const SAFE = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504]);

export interface RetryOptions {
  attempts?: number;
  timeoutMs?: number;
  baseDelayMs?: number;
  deadlineMs?: number;
}

export class CircuitOpenError extends Error {
  override readonly name = "CircuitOpenError";
}

/** Opens after `threshold` failures in a row and lets one request probe after `coolMs`. */
export class Breaker {
  private failures = 0;
  private openedAt = 0;
  private readonly threshold: number;
  private readonly coolMs: number;

  constructor(threshold = 5, coolMs = 10_000) {
    this.threshold = threshold;
    this.coolMs = coolMs;
  }

  check(now = Date.now()): void {
    if (this.failures < this.threshold) return;
    if (now - this.openedAt < this.coolMs) {
      throw new CircuitOpenError(`closed again in ${this.coolMs - (now - this.openedAt)} ms`);
    }
    this.openedAt = now; // the probe: others keep waiting until it has an answer
  }

  report(ok: boolean, now = Date.now()): void {
    this.failures = ok ? 0 : this.failures + 1;
    if (this.failures === this.threshold) this.openedAt = now;
  }
}

function pause(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(handle);
      reject(signal?.reason);
    };
    const handle = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

function retryAfter(response: Response): number | undefined {
  const value = response.headers.get("retry-after");
  if (value === null) return undefined;
  const seconds = Number(value);
  return Number.isFinite(seconds) ? seconds * 1000 : Math.max(0, Date.parse(value) - Date.now());
}

export async function retryFetch(
  url: string,
  init: RequestInit = {},
  { attempts = 4, timeoutMs = 8_000, baseDelayMs = 200, deadlineMs = 30_000 }: RetryOptions = {},
  breaker?: Breaker,
): Promise<Response> {
  const repeatable = SAFE.has((init.method ?? "GET").toUpperCase());
  const end = Date.now() + deadlineMs;
  for (let attempt = 1; ; attempt++) {
    breaker?.check();
    const limit = AbortSignal.timeout(Math.min(timeoutMs, Math.max(1, end - Date.now())));
    const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
    let wait = Math.random() * baseDelayMs * 2 ** attempt;
    try {
      const response = await fetch(url, { ...init, signal });
      breaker?.report(!TRANSIENT.has(response.status));
      if (!TRANSIENT.has(response.status) || !repeatable || attempt >= attempts) return response;
      wait = retryAfter(response) ?? wait;
      if (Date.now() + wait > end) return response;
      await response.body?.cancel();
    } catch (error) {
      if (init.signal?.aborted) throw error;
      breaker?.report(false);
      if (!repeatable || attempt >= attempts || Date.now() + wait > end) throw error;
    }
    await pause(wait, init.signal);
  }
}
