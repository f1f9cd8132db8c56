/** Instruction sets of the cluster's nodes; a wheelhouse is built for one of them. */
export const architectures = ["x86_64", "arm64"] as const;
export type Architecture = (typeof architectures)[number];
