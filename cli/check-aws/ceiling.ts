/** A cent, in which quotes and ceilings are stated. */
const cent = 0.01;

/** Limits the total cost of all runs. */
export class Ceiling {
  readonly #usd: number;
  #spent = 0;

  constructor(usd: number) {
    this.#usd = usd;
  }

  /** US dollars that runs have cost so far. */
  get spent(): number {
    return this.#spent;
  }

  /**
   * The `maxCostUsd` of each of `count` runs that start together: what is left, divided and rounded down to cents.
   *
   * @returns undefined when less than a cent is left for each
   */
  share(count: number): number | undefined {
    // Without the small addition, 0.29 divided by a cent would be 28.999999999999996.
    const cents = Math.floor((this.#usd - this.#spent) / count / cent + 1e-6);
    return cents > 0 ? Number((cents * cent).toFixed(2)) : undefined;
  }

  spend(usd: number): void {
    this.#spent += usd;
  }
}
