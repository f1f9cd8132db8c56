/** The steps of the Spark job in their order. */
export const jobSteps = ["inventory", "features", "reduction"] as const;
export type JobStep = (typeof jobSteps)[number];

/** Name of the state that runs a step of the Spark job; the EMR step has the same name. */
export const stateOfStep: Readonly<Record<string, string>> = {
  inventory: "Inventory",
  features: "ExtractFeatures",
  reduction: "ReduceDimensions",
} satisfies Record<JobStep, string>;
