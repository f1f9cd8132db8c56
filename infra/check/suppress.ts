import type { CheckResult } from "./check-result.ts";

/** A finding that is accepted, with the reason. */
export interface Suppression {
  readonly finding: RegExp;
  /** Matches the place of the finding. */
  readonly on: RegExp;
  readonly reason: string;
}

/** A finding of a tool. */
interface Finding {
  readonly variant: string;
  /** Matched by a suppression's `on`. */
  readonly place: string;
  /** Matched by a suppression's `finding`. */
  readonly finding: string;
  /** Tells a person about the finding. */
  readonly description: string;
}

interface Judgement {
  readonly check: string;
  /** Names the checked things, such as "14 variants". */
  readonly scope: string;
  readonly found: readonly Finding[];
  readonly suppressions: readonly Suppression[];
  /** Whether all variants were checked: a suppression that none of them needs is then a finding. */
  readonly complete: boolean;
}

/** Leaves out the accepted findings, and reports the suppressions that are out of date. */
export function suppress({ check, scope, found, suppressions, complete }: Judgement): CheckResult {
  const used = new Set<Suppression>();
  const findings = found.flatMap(({ variant, place, finding, description }) => {
    const suppression = suppressions.find((known) => known.finding.test(finding) && known.on.test(place));
    if (suppression) used.add(suppression);
    return suppression ? [] : [`${variant}: ${place}: ${description}`];
  });
  const stale = complete ? suppressions.filter((suppression) => !used.has(suppression)) : [];
  return {
    check,
    scope: `${scope}, ${found.length - findings.length} findings suppressed for ${used.size} reasons`,
    findings: [...findings, ...stale.map(({ finding }) => `suppressed but never found: ${finding}`)],
  };
}
