/** Headings of `orchard --help`, in its order. Each command of cli/commands/ names its own with helpGroup(). */
export const groups = {
  laptop: "On this machine:",
  setUp: "Set up:",
  run: "Run:",
  look: "Look:",
  stop: "Stop and clean up:",
} as const;

const order: readonly string[] = Object.values(groups);

/** Compares two headings by their order in `orchard --help`. */
export function compareGroups(one: string, other: string): number {
  return order.indexOf(one) - order.indexOf(other);
}
