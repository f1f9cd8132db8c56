import { stateOfStep } from "../../lambdas/contract/job-steps.ts";
import { formatCount } from "../../shared/formatting.ts";
import type { Progress } from "./console-data.ts";
import { formatDuration } from "./format.ts";

/** The progress that the Spark job reports. */
export function ProgressBar({ progress }: { readonly progress: Progress }) {
  const { step, done, total, unit, errors, ratePerSecond, secondsLeft } = progress;
  if (total === 0) return null;
  const share = Math.min(1, done / total);
  return (
    <section class="progress" aria-label="Progress">
      <p>
        <strong>{stateOfStep[step] ?? step}</strong>{" "}
        <span class="soft">
          {formatCount(done)} of {formatCount(total)} {unit}
          {done === 0 && ratePerSecond === 0 && " · starting Spark"}
          {ratePerSecond > 0 && ` · ${formatCount(Math.round(ratePerSecond))} ${unit}/s`}
          {secondsLeft !== null && ` · ${formatDuration(secondsLeft)} left`}
          {errors > 0 && ` · ${formatCount(errors)} errors`}
        </span>
      </p>
      <progress value={share} aria-label={`${stateOfStep[step] ?? step}: ${Math.round(share * 100)} %`} />
    </section>
  );
}
