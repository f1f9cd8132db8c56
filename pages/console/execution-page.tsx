import { useEffect, useMemo, useState } from "preact/hooks";
import { stateOfStep } from "../../lambdas/contract/job-steps.ts";
import { ClusterPanel } from "./cluster-panel.tsx";
import type { ExecutionView, Mail, Progress } from "./console-data.ts";
import { EventHistory } from "./event-history.tsx";
import { ExecutionHead } from "./execution-head.tsx";
import { GraphView } from "./graph-view.tsx";
import { LogPanel } from "./log-panel.tsx";
import { MailList } from "./mails-page.tsx";
import { ProgressBar } from "./progress-bar.tsx";
import type { Definition } from "./state-graph.ts";
import { StatePanel } from "./state-panel.tsx";
import { listVisits, statesOf, type Visit } from "./state-visits.ts";
import { Tabs } from "./tabs.tsx";
import { useResource } from "./use-resource.ts";

/** Everything about one execution. */
export function ExecutionPage({ arn }: { readonly arn: string }) {
  const { data: view, refusal } = useResource<ExecutionView>(`execution?${new URLSearchParams({ arn })}`);
  useEffect(() => {
    document.title = view ? `${view.execution.name} · Orchard console` : "Orchard console";
  }, [view]);
  if (refusal !== undefined) return <Missing message={refusal} />;
  if (!view) return <p class="soft">Loading…</p>;
  return <Execution view={view} />;
}

function Missing({ message }: { readonly message: string }) {
  return (
    <>
      <h1>No such execution</h1>
      <p class="soft">{message}</p>
    </>
  );
}

function Execution({ view }: { readonly view: ExecutionView }) {
  const { execution, events, definition, clusters, progress } = view;
  const [chosen, setChosen] = useState<string>();
  const visits = useMemo(() => listVisits(events), [events]);
  const names = useMemo(() => namesIn(definition), [definition]);
  const statuses = useMemo(() => statesOf(names, visits, execution.status), [names, visits, execution.status]);
  const current = visits.at(-1);
  // Without a choice, the panel follows the execution.
  const shown = chosen ?? interesting(visits)?.state;
  return (
    <article>
      <ExecutionHead view={view} />
      {progress && isOf(progress, current) && <ProgressBar progress={progress} />}
      <div class="graph-and-state">
        <GraphView
          definition={definition}
          statuses={statuses}
          visits={visits}
          selected={shown}
          onSelect={(state) => setChosen(state === chosen ? undefined : state)}
        />
        <StatePanel
          arn={execution.executionArn}
          definition={definition}
          state={shown}
          status={statuses.get(shown ?? "")}
          visits={visits.filter(({ state }) => state === shown)}
        />
      </div>
      <Tabs
        label="More about the execution"
        tabs={{
          "Event history": () => <EventHistory arn={execution.executionArn} events={events} />,
          Cluster: () => <ClusterPanel clusters={clusters} />,
          Logs: () => <LogPanel view={view} visits={visits} />,
          Mails: () => <MailsOf name={execution.name} />,
        }}
      />
    </article>
  );
}

function namesIn(definition: string): readonly string[] {
  const { States: states }: Definition = JSON.parse(definition);
  return Object.keys(states);
}

/** The last state; after a failure, the first state whose error was caught, because it began the failure. */
function interesting(visits: readonly Readonly<Visit>[]): Readonly<Visit> | undefined {
  const last = visits.at(-1);
  if (last?.status === "In progress" || last?.status === "Succeeded") return last;
  return visits.find(({ status }) => status === "Caught error") ?? last;
}

/** Whether the progress is of the current state: the job's file may still describe an earlier step. */
function isOf({ step }: Progress, current: Readonly<Visit> | undefined): boolean {
  return current?.status === "In progress" && stateOfStep[step] === current.state;
}

function MailsOf({ name }: { readonly name: string }) {
  const { data: mails } = useResource<readonly Mail[]>("mails");
  const own = mails?.filter(({ subject, message }) => `${subject}\n${message}`.includes(name));
  return own ? <MailList mails={own} empty="No mail about this execution yet." /> : <p class="soft">Loading…</p>;
}
