import { distance } from "fastest-levenshtein";

function simplify(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

function maxEdits(a: string, b: string): number {
  return Math.max(2, Math.floor(Math.max(a.length, b.length) / 2));
}

/**
 * Known names that resemble a misspelled one by edit distance, ignoring letter case; the best match comes first.
 * Names that differ only in their Unicode normalization form look the same, so only one of them is returned.
 */
export function nearestNames(name: string, known: readonly string[], count = 3): readonly string[] {
  const distinct = [...new Map(known.map((candidate) => [candidate.normalize("NFC"), candidate])).values()];
  const wanted = simplify(name);
  return (
    distinct
      .map((candidate) => ({ candidate, simple: simplify(candidate), limit: maxEdits(name, candidate) }))
      // The difference in length is a lower bound of the edits, and counting them takes long for a long name.
      .filter(({ simple, limit }) => Math.abs(wanted.length - simple.length) <= limit)
      .map(({ candidate, simple, limit }) => ({ candidate, limit, edits: distance(wanted, simple) }))
      .filter(({ edits, limit }) => edits <= limit)
      .sort((a, b) => a.edits - b.edits)
      .slice(0, count)
      .map(({ candidate }) => candidate)
  );
}
