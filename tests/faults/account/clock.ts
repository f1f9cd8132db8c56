/** The virtual time at which every scenario starts, in ms since the epoch. */
const startTime = Date.UTC(2026, 0, 5, 8);

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** The members of Node's Timeout that the SDK uses. */
interface Handle {
  unref(): Handle;
  ref(): Handle;
}

function isEarlier(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Far more than any scenario needs. More timers in one instant mean that virtual time no longer advances. */
const maxTimersPerInstant = 20_000;
/** Real milliseconds after which the event loop wakes up at the latest. */
const heartbeatMs = 100;

/** Lets promises, next ticks and streams settle. A body that is read as a web stream needs three turns of the event loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Virtual time, which passes only when all code waits for it, so that a scenario always takes the same course. */
export class Clock {
  now = startTime;
  #order = 0;
  #halted: Error | undefined;
  readonly #timers: Timer[] = [];
  readonly #byHandle = new WeakMap<Handle, Timer>();

  readonly setTimeout = (callback: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]): Handle => {
    this.#order += 1;
    const at = this.now + Math.max(0, Number(delayMs) || 0);
    const timer: Timer = { at, order: this.#order, run: () => callback(...args) };
    let index = this.#timers.length;
    while (index > 0 && isEarlier(this.#timers[index - 1] ?? timer, timer)) index -= 1;
    this.#timers.splice(index, 0, timer);
    const handle: Handle = { unref: () => handle, ref: () => handle };
    this.#byHandle.set(handle, timer);
    return handle;
  };

  readonly clearTimeout = (handle: unknown): void => {
    if (typeof handle !== "object" || handle === null) return;
    const timer = this.#byHandle.get(handle as Handle);
    const index = timer === undefined ? -1 : this.#timers.indexOf(timer);
    if (index >= 0) this.#timers.splice(index, 1);
  };

  /** Stands in for setTimeout of node:timers/promises. */
  readonly sleep = <T>(delayMs?: number, value?: T): Promise<T | undefined> =>
    new Promise((resolve) => this.setTimeout(() => resolve(value), delayMs));

  /** Makes `run` reject with this error. */
  halt(error: Error): void {
    this.#halted = error;
  }

  /**
   * Advances from timer to timer until the condition holds, or until no timer is due up to the given time.
   *
   * @throws Error if timers are added to one instant again and again, so that virtual time cannot advance
   */
  async run(isOver: () => boolean, latest: number): Promise<void> {
    // A run once hung with an idle event loop, as if it had missed the immediates of settle. This timer wakes it up.
    const heartbeat = setInterval(() => undefined, heartbeatMs);
    try {
      await this.#advance(isOver, latest);
    } finally {
      clearInterval(heartbeat);
    }
  }

  async #advance(isOver: () => boolean, latest: number): Promise<void> {
    let timersInInstant = 0;
    for (;;) {
      await settle();
      if (this.#halted) throw this.#halted;
      const next = this.#timers.at(-1);
      if (isOver() || next === undefined || next.at > latest) return;
      this.#timers.pop();
      timersInInstant = next.at > this.now ? 0 : timersInInstant + 1;
      if (timersInInstant > maxTimersPerInstant)
        throw new Error(
          `Virtual time does not advance beyond ${new Date(this.now).toISOString()}, because timers without delay follow one another.`,
        );
      this.now = Math.max(this.now, next.at);
      next.run();
    }
  }
}
