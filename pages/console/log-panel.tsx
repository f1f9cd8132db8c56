import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ClusterView, ExecutionView, HistoryEvent, LogText } from "./console-data.ts";
import { PlainText } from "./plain-text.tsx";
import { detailsOf, functionIn, type Visit } from "./state-visits.ts";
import { useResource } from "./use-resource.ts";

interface Source {
  readonly label: string;
  /** Parameters of the log. */
  readonly query: string;
}

interface Props {
  readonly view: ExecutionView;
  readonly visits: readonly Readonly<Visit>[];
}

/** The end of a log. The newest step or function is shown until the person chooses another one. */
export function LogPanel({ view, visits }: Props) {
  const [chosen, setChosen] = useState<string>();
  const id = useId();
  const sources = listSources(view, visits);
  const source = sources.find(({ label }) => label === chosen) ?? sources.at(-1);
  const { data: log } = useResource<LogText>(source && `log?${source.query}`);
  if (!source) return <p class="soft">The execution has no log yet.</p>;
  return (
    <>
      <label class="small" for={id}>
        Log
      </label>{" "}
      <select id={id} value={source.label} onChange={({ currentTarget }) => setChosen(currentTarget.value)}>
        {sources.map(({ label }) => (
          <option key={label}>{label}</option>
        ))}
      </select>
      {log && <Tail log={log} />}
    </>
  );
}

/** A text whose end stays in sight while it grows, unless the person has scrolled up. */
function Tail({ log: { text, isCut } }: { readonly log: LogText }) {
  const frame = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    const { current } = frame;
    if (current && isAtEnd.current) current.scrollTop = current.scrollHeight;
  }, [text]);
  const remember = ({
    currentTarget: { scrollTop, clientHeight, scrollHeight },
  }: {
    readonly currentTarget: HTMLElement;
  }) => {
    isAtEnd.current = scrollTop + clientHeight >= scrollHeight - 8;
  };
  if (text === "") return <p class="soft">This log is empty so far.</p>;
  return (
    <PlainText class="log" frame={frame} onScroll={remember}>
      {isCut && "…\n"}
      {text}
    </PlainText>
  );
}

/** The logs in the order in which they began. */
function listSources({ events, clusters }: ExecutionView, visits: readonly Readonly<Visit>[]): readonly Source[] {
  return visits.flatMap((visit) => {
    const own = events.slice(visit.firstEvent - 1, visit.lastEvent);
    const invoked = own.find(({ type }) => type === "LambdaFunctionScheduled");
    return [...stepSources(visit, clusters), ...(invoked ? [functionSource(visit, invoked)] : [])];
  });
}

function stepSources({ state }: Readonly<Visit>, clusters: readonly ClusterView[]): readonly Source[] {
  return clusters.flatMap(({ Id: cluster, Steps }) =>
    Steps.filter(({ Name }) => Name === state).flatMap(({ Id: step }) =>
      ["controller", "stdout", "stderr"].map((file) => ({
        label: `${state} · ${file} · ${step}`,
        query: String(new URLSearchParams({ cluster, step, file })),
      })),
    ),
  );
}

function functionSource({ state, enteredAt, leftAt }: Readonly<Visit>, invoked: HistoryEvent): Source {
  const name = functionIn(detailsOf(invoked).resource) ?? "";
  const range = { from: String(enteredAt), ...(leftAt === undefined ? {} : { to: String(leftAt) }) };
  const query = String(new URLSearchParams({ function: name, ...range }));
  return { label: `${state} · ${name}`, query };
}
