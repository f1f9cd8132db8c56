/** Values of two runs that are compared, in the order in which they were named. */
export type Pair<Value> = readonly [Value, Value];

/** A run as the comparison shows it. A member is null if the run has not reached it or its value is unknown. */
export interface ComparedRun {
  readonly runId: string;
  readonly status: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly images: number | null;
  readonly labels: number | null;
  readonly errors: number | null;
  /** Images whose features the run computed, and those whose features came from earlier runs. */
  readonly computed: number | null;
  readonly reused: number | null;
  readonly components: number | null;
  /** Share of the variance that the components keep, 0 to 1. */
  readonly variance: number | null;
  /** Cost of the cluster in US dollars. On the embedded account, it is the cost that the run would have on AWS. */
  readonly usd: number | null;
  readonly quotedUsd: number | null;
  /** Time in each Task state, in the order of entering. */
  readonly states: readonly { readonly name: string; readonly seconds: number }[];
}

/** How many images are different, with the first of them. */
export interface SomeImages {
  readonly count: number;
  /** Paths below the image tree, in their order. */
  readonly examples: readonly string[];
}

export interface ImageChanges {
  /** Selected by the second run alone. */
  readonly added: SomeImages;
  /** Selected by the first run alone. */
  readonly removed: SomeImages;
  /** Selected by both runs, with different etags. */
  readonly changed: SomeImages;
  readonly unchanged: number;
}

/** Two runs side by side, as --json prints and the page shows them. */
export interface Comparison {
  readonly runs: Pair<ComparedRun>;
  /** False on the embedded account. */
  readonly onAws: boolean;
  /** The parameters that differ, as JSON; null where a run has no plan. */
  readonly parameters: readonly { readonly name: string; readonly values: Pair<string | null> }[];
  /** Shares from 0 to 1; null where a run has fewer components. */
  readonly variance: readonly {
    readonly component: number;
    readonly explained: Pair<number | null>;
    readonly cumulative: Pair<number | null>;
  }[];
  /** Time in each Task state; null where a run did not enter it. */
  readonly states: readonly { readonly name: string; readonly seconds: Pair<number | null> }[];
  /** The labels whose numbers of selected images differ, those with the largest difference first. */
  readonly labels: readonly { readonly label: string; readonly images: Pair<number> }[];
  /** Null if the images of a run are not known; `missing` says why. */
  readonly images: ImageChanges | null;
  readonly missing: readonly string[];
}
