import { expectations } from "./expectations.ts";
import type { Kind, Observation, Stage } from "./observation.ts";

/** One answer of AWS next to what was assumed. */
export interface Comparison {
  readonly assumption: string;
  readonly kind: Kind;
  readonly stage: Stage;
  readonly aspect: string;
  readonly expected: string;
  readonly answered: string;
  readonly same: boolean;
}

/** Compares the answers about one run with the table. An answer that is missing counts as a difference. */
export function compare(observation: Observation): readonly Comparison[] {
  const { kind, run: stage } = observation;
  return expectations
    .filter(({ runs, kinds = [kind] }) => runs.includes(stage) && kinds.includes(kind))
    .map(({ assumption, aspect, expected, atMost, answer }) => {
      const answered = answer(observation);
      const same = typeof answered === "number" ? atMost !== undefined && answered <= atMost : answered === expected;
      return { assumption, kind, stage, aspect, expected, answered: render(answered), same };
    });
}

function render(answer: string | number | null): string {
  if (answer === null) return "no answer";
  return typeof answer === "number" ? String(Number(answer.toFixed(2))) : answer;
}

/** Compares runs that were started together: each must have a cluster of its own. */
export function compareTogether(observations: readonly Observation[]): readonly Comparison[] {
  const [first] = observations;
  if (first === undefined) return [];
  const ids = new Set(observations.flatMap(({ cluster }) => (cluster ? [cluster.id] : [])));
  const expected = `${observations.length} clusters`;
  const answered = `${ids.size} clusters`;
  const { kind, run: stage } = first;
  return [
    {
      assumption: "A14",
      kind,
      stage,
      aspect: "clusters of runs at once",
      expected,
      answered,
      same: answered === expected,
    },
  ];
}
