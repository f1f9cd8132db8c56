/**
 * Creates the generator mulberry32: small and fast, with the same numbers on every machine. Its 32 bits of state suffice
 * for pictures and jitter, not for cryptography.
 *
 * @returns a function that returns the next number from 0 (inclusive) to 1 (exclusive)
 */
export function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
