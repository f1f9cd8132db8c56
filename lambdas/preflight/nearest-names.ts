import { distance } from "fastest-levenshtein";

function simplify(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/**
 * Known names that resemble a misspelled one by edit distance, ignoring letter case; the best match comes first.
 * Names that differ only in their Unicode normalization form look the same, so only one of them is returned.
 */
export function nearestNames(name: string, known: readonly string[], count = 3): readonly string[] {
  const distinct = [...new Map(known.map((candidate) => [candidate.normalize("NFC"), candidate])).values()];
  return distinct
    .map((candidate) => ({ candidate, edits: distance(simplify(name), simplify(candidate)) }))
    .filter(({ candidate, edits }) => edits <= Math.max(2, Math.floor(Math.max(name.length, candidate.length) / 2)))
    .sort((a, b) => a.edits - b.edits)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}
