import { useState } from "preact/hooks";
import { call } from "./account-client.ts";
import { ConfirmButton } from "./confirm-button.tsx";
import type { ExecutionView } from "./console-data.ts";
import { formatCause, formatDateTime, formatDuration } from "./format.ts";
import { startHref } from "./route.ts";
import { StatusBadge } from "./status-badge.tsx";
import { useNow } from "./use-now.ts";

const stopReason = { error: "Stopped", cause: "A person stopped the execution in the local console." };

/** Name, status and times of an execution, its error, and the buttons that act on it. */
export function ExecutionHead({ view: { execution, report } }: { readonly view: ExecutionView }) {
  const { executionArn, name, status, error, cause, input } = execution;
  const [refusal, setRefusal] = useState<string>();
  const act = async (operation: string, request: object): Promise<void> => {
    setRefusal(undefined);
    try {
      await call(operation, request);
    } catch (refused) {
      if (!(refused instanceof Error)) throw refused;
      setRefusal(`${operation} was refused: ${refused.message}`);
    }
  };
  const isRunning = status === "RUNNING";
  return (
    <div class="execution-head">
      <a class="back small" href="#/executions">
        ← Executions
      </a>
      <div class="title">
        <h1>
          <bdi>{name}</bdi>
        </h1>
        <StatusBadge status={status} />
      </div>
      <Times execution={execution} />
      <div class="actions">
        {report !== null && (
          <a class="button" href={report} target="_blank" rel="noopener noreferrer">
            Open report
          </a>
        )}
        {isRunning && (
          <ConfirmButton
            label="Stop execution"
            question={`Stop ${name}? Its cluster is terminated.`}
            onConfirm={() => act("StopExecution", { executionArn, ...stopReason })}
          />
        )}
        {execution.redriveStatus === "REDRIVABLE" && (
          <button type="button" onClick={() => act("RedriveExecution", { executionArn })}>
            Redrive
          </button>
        )}
        <a class="button" href={startHref(input)}>
          New execution
        </a>
      </div>
      {refusal !== undefined && (
        <p class="notice bad" role="alert">
          {refusal}
        </p>
      )}
      {error !== undefined && (
        <div class="notice bad cause">
          <strong>{error}</strong>
          {cause !== undefined && <pre>{formatCause(cause)}</pre>}
        </div>
      )}
    </div>
  );
}

function Times({ execution }: { readonly execution: ExecutionView["execution"] }) {
  const now = useNow(1_000);
  const { startDate, stopDate, redriveCount = 0 } = execution;
  return (
    <dl class="facts">
      <div>
        <dt>Start time</dt>
        <dd>{formatDateTime(startDate)}</dd>
      </div>
      <div>
        <dt>Duration</dt>
        <dd>{formatDuration(Math.max(0, (stopDate ?? now) - startDate))}</dd>
      </div>
      {redriveCount > 0 && (
        <div>
          <dt>Redrives</dt>
          <dd>{redriveCount}</dd>
        </div>
      )}
    </dl>
  );
}
