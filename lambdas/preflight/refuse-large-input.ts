import { isDeeperThan } from "../../shared/json-depth.ts";
import { maxInputBytes } from "../contract/input.ts";
import { InvalidInput } from "../runtime/errors.ts";

/** The deepest value of the schema has two levels above it. */
const maxDepth = 32;

/**
 * Refuses an execution input that is too large or too deep to be parsed and passed on.
 *
 * @throws InvalidInput
 */
export function refuseLargeInput(given: unknown): void {
  const advice = "Give only the keys of docs/input.md";
  if (isDeeperThan(given, maxDepth)) {
    throw new InvalidInput(
      `The input is refused: it is nested more than ${maxDepth} levels deep, and 3 suffice. ${advice}`,
    );
  }
  // TextEncoder works in browsers, too: the local console checks an input before it starts an execution.
  const bytes = new TextEncoder().encode(JSON.stringify(given)).length;
  if (bytes > maxInputBytes) {
    throw new InvalidInput(
      `The input is refused: it has ${bytes.toLocaleString("en-US")} bytes, and at most ${maxInputBytes.toLocaleString("en-US")} are allowed. ${advice}`,
    );
  }
}
