/** Anchors of the sections of docs/troubleshooting.md to which a diagnosis can refer. */
export const sections = [
  "the-run-is-refused-before-it-starts",
  "cluster-does-not-start",
  "kms-access-denied",
  "spot-capacity",
  "job-fails",
  "a-module-is-missing-on-a-node",
  "out-of-memory",
  "disk-full",
  "s3-access-denied",
  "the-results-are-refused",
  "costs-too-high",
  "starting-again",
  "a-cluster-is-left",
  "a-cluster-is-kept",
] as const;
export type Section = (typeof sections)[number];

/** Names the section of docs/troubleshooting.md. */
export function troubleshootingLink(section: Section): string {
  return `docs/troubleshooting.md#${section}`;
}
