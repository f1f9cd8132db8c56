import type { Overview } from "./console-data.ts";
import { formatDuration, formatMinute } from "./format.ts";
import { executionHref, startHref } from "./route.ts";
import { StatusBadge } from "./status-badge.tsx";
import { useNow } from "./use-now.ts";

interface Props {
  readonly overview: Overview | undefined;
  readonly selected: string | undefined;
}

export function ExecutionList({ overview, selected }: Props) {
  const now = useNow(1_000);
  return (
    <>
      <div class="list-head">
        <h2>Executions</h2>
        <a class="button primary" href={startHref()}>
          Start execution
        </a>
      </div>
      <ul class="executions">
        {overview?.executions.map(({ executionArn, name, status, startDate, stopDate }) => (
          <li key={executionArn}>
            <a href={executionHref(executionArn)} aria-current={executionArn === selected ? "true" : undefined}>
              <bdi class="name">{name}</bdi>
              <StatusBadge status={status} />
              <span class="soft small number">
                {formatMinute(startDate)} · {formatDuration(Math.max(0, (stopDate ?? now) - startDate))}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {overview?.executions.length === 0 && <p class="soft small">None so far.</p>}
      {overview?.isCut && <p class="soft small">These are the newest. All of them: orchard list --local</p>}
    </>
  );
}
