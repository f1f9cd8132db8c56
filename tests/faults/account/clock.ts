/** A moment of the virtual time, in ms since 1970, at which every scenario begins. */
const beginning = Date.UTC(2026, 0, 5, 8);

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** What setTimeout answers, as far as the SDK uses it. */
interface Handle {
  unref(): Handle;
  ref(): Handle;
}

function isEarlier(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Many times what any scenario runs in one instant: beyond it, virtual time no longer advances. */
const maxTimersPerInstant = 20_000;
/** How long the event loop may sleep, in real milliseconds, while virtual time passes. */
const heartbeatMs = 100;

/** Promises, next ticks and streams settle between two turns of the event loop; a body read as a web stream takes three. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Time that passes only when everything waits for it. The same scenario meets the same order of events each time. */
export class Clock {
  now = beginning;
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

  /** As node:timers/promises has it. */
  readonly sleep = <T>(delayMs?: number, value?: T): Promise<T | undefined> =>
    new Promise((resolve) => this.setTimeout(() => resolve(value), delayMs));

  /** Makes `run` reject with this error, because nobody waits for its result any more. */
  halt(error: Error): void {
    this.#halted = error;
  }

  /**
   * Lets time pass until the condition holds, or until no timer is due before the given moment.
   *
   * @throws Error when timers keep being added to the same instant, so that virtual time cannot advance
   */
  async run(isOver: () => boolean, latest: number): Promise<void> {
    // A run once hung with an idle event loop, although setImmediate alone should keep it awake.
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
        throw new Error(`Virtual time stands still at ${new Date(this.now).toISOString()}`);
      this.now = Math.max(this.now, next.at);
      next.run();
    }
  }
}
