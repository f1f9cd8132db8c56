/** File formats of the results. */
export const formats = ["parquet", "csv"] as const;

/**
 * Origin of the model's weights: Keras's own file, another file of weights, or random numbers, with which the features
 * mean nothing. Keras publishes no digest of its file, so "imagenet" means that it came from Keras's address or cache.
 */
export const modelWeights = ["imagenet", "file", "seeded"] as const;

/** EC2 purchasing options of the core nodes. */
export const markets = ["ON_DEMAND", "SPOT"] as const;

/** How an execution reacts to an earlier execution of the same state machine that is still running. */
export const overlaps = ["allow", "skip", "queue"] as const;
