import type { ClusterView, EmrStatus } from "./console-data.ts";
import { formatDuration, formatTime } from "./format.ts";
import { StatusBadge } from "./status-badge.tsx";
import { useNow } from "./use-now.ts";

/** The words of the AWS console; the API has older ones. */
const roleNames: Readonly<Record<string, string>> = { MASTER: "Primary", CORE: "Core", TASK: "Task" };

export function ClusterPanel({ clusters }: { readonly clusters: readonly ClusterView[] }) {
  if (clusters.length === 0) return <p class="soft">The execution has no cluster (yet).</p>;
  return (
    <>
      {clusters.map((cluster) => (
        <Cluster key={cluster.Id} cluster={cluster} />
      ))}
    </>
  );
}

function Cluster({ cluster }: { readonly cluster: ClusterView }) {
  const now = useNow(1_000);
  const { Id, Name, ReleaseLabel, Status, Instances, Steps } = cluster;
  const instances = Instances.map(
    ({ Role, Count, InstanceType }) => `${roleNames[Role] ?? Role}: ${Count} × ${InstanceType}`,
  );
  return (
    <section class="cluster" aria-label={`Cluster ${Id}`}>
      <h3>
        <bdi>{Name}</bdi> <StatusBadge status={Status.State} />
      </h3>
      <p class="soft small">
        {[Id, ReleaseLabel, ...instances, secondsOf(Status, now)].filter((part) => part !== undefined).join(" · ")}
      </p>
      <Reason status={Status} />
      {Steps.length > 0 && (
        <div class="scrolls">
          <table>
            <thead>
              <tr>
                <th>Step</th>
                <th>Status</th>
                <th class="number">Elapsed</th>
                <th>Start time</th>
                <th>Step ID</th>
              </tr>
            </thead>
            <tbody>
              {Steps.map((step) => (
                <tr key={step.Id}>
                  <td>
                    <bdi>{step.Name}</bdi>
                    <Reason status={step.Status} />
                  </td>
                  <td>
                    <StatusBadge status={step.Status.State} />
                  </td>
                  <td class="number">{secondsOf(step.Status, now)}</td>
                  <td>{step.Status.Timeline?.StartDateTime && formatTime(step.Status.Timeline.StartDateTime)}</td>
                  <td class="mono">{step.Id}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

/** The time since a step started or a cluster was created, until its end. */
function secondsOf({ Timeline: timeline }: EmrStatus, now: number): string | undefined {
  const start = timeline?.StartDateTime ?? timeline?.CreationDateTime;
  return start === undefined ? undefined : formatDuration(Math.max(0, (timeline?.EndDateTime ?? now) - start));
}

function Reason({ status: { StateChangeReason, FailureDetails } }: { readonly status: EmrStatus }) {
  const text = FailureDetails?.Message ?? StateChangeReason?.Message;
  return text ? <p class="soft small reason">{text}</p> : null;
}
