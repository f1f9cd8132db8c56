/** Says once in each output and mail that the features of a run mean nothing. */
export const seededWarning =
  "SEEDED RANDOM WEIGHTS, not ImageNet's: everything runs, but the features mean nothing. `orchard model --force` makes the real model with a network, `orchard model --weights FILE` without one.";
