import { useState } from "preact/hooks";
import type { HistoryEvent } from "./console-data.ts";
import { formatDuration, formatTime } from "./format.ts";
import { detailsOf, functionIn } from "./state-visits.ts";
import { useResource } from "./use-resource.ts";

interface Props {
  readonly arn: string;
  readonly events: readonly HistoryEvent[];
}

/** The events of an execution, newest first; a click shows one with its data. */
export function EventHistory({ arn, events }: Props) {
  const [opened, setOpened] = useState<number>();
  const startedAt = events[0]?.timestamp ?? 0;
  return (
    <div class="scrolls">
      <table class="events">
        <thead>
          <tr>
            <th class="number">ID</th>
            <th>Type</th>
            <th>Name</th>
            <th class="number">Elapsed</th>
            <th>Timestamp</th>
          </tr>
        </thead>
        <tbody>
          {events.toReversed().map((event) => (
            <EventRow
              key={event.id}
              arn={arn}
              event={event}
              elapsed={event.timestamp - startedAt}
              isOpen={event.id === opened}
              onToggle={() => setOpened(event.id === opened ? undefined : event.id)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  readonly arn: string;
  readonly event: HistoryEvent;
  readonly elapsed: number;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

function EventRow({ arn, event, elapsed, isOpen, onToggle }: RowProps) {
  const { id, type, timestamp } = event;
  const { name, error, resource } = detailsOf(event);
  return (
    <>
      <tr class={/(Failed|TimedOut|Aborted)$/.test(type) ? "bad" : ""}>
        <td class="number">{id}</td>
        <td>
          <button type="button" class="quiet row" aria-expanded={isOpen} onClick={onToggle}>
            {type}
          </button>
        </td>
        <td>
          <bdi>{name ?? error ?? functionIn(resource) ?? resource}</bdi>
        </td>
        <td class="number">{formatDuration(elapsed)}</td>
        <td>{formatTime(timestamp)}</td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={5}>
            <EventDetails arn={arn} id={id} />
          </td>
        </tr>
      )}
    </>
  );
}

function EventDetails({ arn, id }: { readonly arn: string; readonly id: number }) {
  const parameters = new URLSearchParams({ arn, from: String(id), to: String(id) });
  const { data } = useResource<readonly HistoryEvent[]>(`events?${parameters}`);
  return <pre>{data ? JSON.stringify(data[0], null, 2) : "Loading…"}</pre>;
}
