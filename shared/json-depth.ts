/** Whether a JSON value has more than `depth` levels. Avoids recursion, because 100,000 levels would overflow the stack. */
export function isDeeperThan(json: unknown, depth: number): boolean {
  let level: readonly unknown[] = [json];
  for (let count = 0; level.length > 0; count += 1) {
    if (count > depth) return true;
    level = level.flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value) : []));
  }
  return false;
}
