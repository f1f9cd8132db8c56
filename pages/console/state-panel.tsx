import { useState } from "preact/hooks";
import type { HistoryEvent } from "./console-data.ts";
import { formatCause, formatDuration, formatJson, formatTime } from "./format.ts";
import { statusClass } from "./graph-view.tsx";
import { PlainText } from "./plain-text.tsx";
import type { Definition } from "./state-graph.ts";
import type { StateStatus, Visit } from "./state-visits.ts";
import { Tabs } from "./tabs.tsx";
import { useResource } from "./use-resource.ts";

interface Props {
  readonly arn: string;
  readonly definition: string;
  readonly state: string | undefined;
  readonly status: StateStatus | undefined;
  /** The visits to the state. */
  readonly visits: readonly Readonly<Visit>[];
}

/** Input, output and error of a state. */
export function StatePanel({ arn, definition, state, status, visits }: Props) {
  const [chosen, setChosen] = useState<number>();
  if (state === undefined || status === undefined) {
    return (
      <section class="state-panel" aria-label="State">
        <p class="soft">Select a state to see its input and output.</p>
      </section>
    );
  }
  const visit = visits[chosen ?? visits.length - 1] ?? visits.at(-1);
  const { States: states }: Definition = JSON.parse(definition);
  return (
    <section class="state-panel" aria-label="State">
      <h2>
        <bdi>{state}</bdi>
      </h2>
      <p class="soft small">
        <span class={`dot ${statusClass(status)}`} />
        {[status, states[state]?.Type, ...timesOf(visit)].join(" · ")}
      </p>
      {states[state]?.Comment && <p class="small">{states[state]?.Comment}</p>}
      {visits.length > 1 && (
        <label class="small">
          Visit{" "}
          <select
            value={chosen ?? visits.length - 1}
            onChange={({ currentTarget }) => setChosen(Number(currentTarget.value))}
          >
            {visits.map(({ enteredAt }, index) => (
              <option key={enteredAt} value={index}>
                {index + 1} of {visits.length}, {formatTime(enteredAt)}
              </option>
            ))}
          </select>
        </label>
      )}
      {visit && <VisitError visit={visit} />}
      <Tabs
        label="Data of the state"
        tabs={{
          Input: () => <VisitData arn={arn} visit={visit} part="input" />,
          Output: () => <VisitData arn={arn} visit={visit} part="output" />,
          Definition: () => <Json text={JSON.stringify(states[state])} label="Definition" />,
        }}
      />
    </section>
  );
}

function timesOf(visit: Readonly<Visit> | undefined): readonly string[] {
  if (!visit) return [];
  const { enteredAt, leftAt, retries } = visit;
  return [
    formatTime(enteredAt),
    ...(leftAt === undefined ? [] : [formatDuration(leftAt - enteredAt)]),
    ...(retries > 0 ? [`${retries} ${retries === 1 ? "retry" : "retries"}`] : []),
  ];
}

function VisitError({ visit: { error, cause } }: { readonly visit: Readonly<Visit> }) {
  if (error === undefined) return null;
  return (
    <div class="notice bad cause">
      <strong>{error}</strong>
      {cause !== undefined && <pre>{formatCause(cause)}</pre>}
    </div>
  );
}

interface VisitDataProps {
  readonly arn: string;
  readonly visit: Readonly<Visit> | undefined;
  readonly part: "input" | "output";
}

function VisitData({ arn, visit, part }: VisitDataProps) {
  const range = visit && { from: String(visit.firstEvent), to: String(visit.lastEvent ?? Number.MAX_SAFE_INTEGER) };
  const { data: events } = useResource<readonly HistoryEvent[]>(
    range && `events?${new URLSearchParams({ arn, ...range })}`,
  );
  if (!visit) return <p class="soft">The execution has not entered this state.</p>;
  if (!events) return <p class="soft">Loading…</p>;
  const { input, output, parameters, result } = dataOf(events);
  const [own, task] = part === "input" ? [input, parameters] : [output, result];
  if (own === undefined && task === undefined) return <p class="soft">None yet.</p>;
  return (
    <>
      {own !== undefined && <Json text={own} label={part === "input" ? "State input" : "State output"} />}
      {task !== undefined && task !== own && (
        <Json text={task} label={part === "input" ? "Task parameters" : "Task result"} />
      )}
    </>
  );
}

/** The data in a visit's events: input and output of the state, and parameters and result of its last attempt. */
function dataOf(events: readonly HistoryEvent[]) {
  const textOf = (member: string, ...types: readonly RegExp[]) => {
    const event = events.findLast(({ type }) => types.some((pattern) => pattern.test(type)));
    const [details = {}] = Object.values(event ?? {}).filter((value) => typeof value === "object" && value !== null);
    const { [member]: text } = details as Readonly<Record<string, unknown>>;
    return typeof text === "string" ? text : undefined;
  };
  return {
    input: textOf("input", /StateEntered$/),
    output: textOf("output", /StateExited$/),
    parameters: textOf("parameters", /^TaskScheduled$/) ?? textOf("input", /^LambdaFunctionScheduled$/),
    result: textOf("output", /^(Task|LambdaFunction)Succeeded$/),
  };
}

function Json({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <figure class="json">
      <figcaption class="soft small">{label}</figcaption>
      <PlainText>{formatJson(text)}</PlainText>
    </figure>
  );
}
