/** The result of a check. */
export interface CheckResult {
  /** Name of the check. */
  readonly check: string;
  /** The number and kind of the things checked, such as "14 templates". */
  readonly scope: string;
  /** One line each. */
  readonly findings: readonly string[];
  /** Why the check could not run. The check then counts as skipped, not as passed. */
  readonly skipped?: string;
}
