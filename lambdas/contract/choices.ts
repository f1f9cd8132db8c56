/** File formats of the results. */
export const formats = ["parquet", "csv"] as const;

/** EC2 purchasing options of the core nodes. */
export const markets = ["ON_DEMAND", "SPOT"] as const;

/** How an execution reacts to an earlier execution of the same state machine that is still running. */
export const overlaps = ["allow", "skip", "queue"] as const;
