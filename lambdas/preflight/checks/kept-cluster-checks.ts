import type { Cluster } from "@aws-sdk/client-emr";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { plural } from "../../../shared/formatting.ts";
import { stateOf } from "../../aws/cluster-states.ts";
import { tagOf } from "../../aws/emr.ts";
import { getExecutionState } from "../../aws/executions.ts";
import { isActive, runOf } from "../../aws/steps.ts";
import type { Execution } from "../../contract/execution.ts";
import { executionTag, keepUntilTag, wheelhouseTag } from "../../contract/tags.ts";
import type { FoundCluster } from "../kept-cluster.ts";
import { CheckFailure, type CheckSpec } from "./run-checks.ts";

const minuteMs = 60_000;
/** Reserve for the time between Preflight and the first step, and for a run that takes longer than quoted. */
const marginMinutes = 5;

function isUsable(cluster: Cluster): boolean {
  return ["WAITING", "RUNNING"].includes(stateOf(cluster));
}

function checkTime(cluster: Cluster, minutes: number, now: Date): string {
  const until = tagOf(cluster, keepUntilTag);
  const leftMinutes = (Date.parse(until ?? "") - now.getTime()) / minuteMs;
  // The tag is absent, or is not a time.
  if (Number.isNaN(leftMinutes)) throw new CheckFailure(`${cluster.Id} has no time until which it is kept`);
  const left = `${cluster.Id} ends at ${until}, in ${plural(Math.round(Math.max(0, leftMinutes)), "minute")}`;
  if (minutes + marginMinutes > leftMinutes)
    throw new CheckFailure(
      `${left}; the run is estimated at ${plural(minutes, "minute")} and needs another ${marginMinutes} in reserve`,
    );
  return left;
}

function checkEnvironment(cluster: Cluster, wanted: { wheelhouse: string; releaseLabel: string }): string {
  const wheelhouse = tagOf(cluster, wheelhouseTag);
  // The tag of a cluster for bf16 names the wheelhouse of float32 first.
  if (wheelhouse !== wanted.wheelhouse && !wheelhouse?.startsWith(`${wanted.wheelhouse}+`))
    throw new CheckFailure(
      `${cluster.Id} was created with wheelhouse ${wheelhouse ?? "unknown"}; a new cluster would get ${wanted.wheelhouse}`,
    );
  if (cluster.ReleaseLabel !== wanted.releaseLabel)
    throw new CheckFailure(`${cluster.Id} has ${cluster.ReleaseLabel}; a new cluster would get ${wanted.releaseLabel}`);
  return `${wanted.releaseLabel}, wheelhouse ${wheelhouse}`;
}

/** Also checks the latest execution: between two steps, a cluster looks idle until Step Functions polls again. */
async function checkFree({ cluster, steps }: FoundCluster, sfn: SFNClient, executions: string): Promise<string> {
  const active = steps.find(isActive);
  if (active)
    throw new CheckFailure(
      `Step ${active.Id} (${active.Name}) of ${runOf(active) ?? "an unknown run"} is active on ${cluster.Id}`,
    );
  const latest = steps.map(runOf).find((run) => run !== undefined);
  if (latest !== undefined && (await getExecutionState(sfn, `${executions}${latest}`)) === "RUNNING")
    throw new CheckFailure(`Execution ${latest} is still running on ${cluster.Id}`);
  return `nothing runs on ${cluster.Id}`;
}

interface KeptClusterContext {
  readonly id: string;
  readonly found: PromiseSettledResult<FoundCluster>;
  readonly execution: Execution;
  readonly sfn: SFNClient;
  /** The environment that a newly created cluster would have. */
  readonly environment: { readonly wheelhouse: string; readonly releaseLabel: string };
  /** The quoted duration of the run. */
  readonly minutes: number;
  readonly now: Date;
}

const createInstead = "Leave out cluster.id to create a cluster";

/** Lists the checks of the kept cluster that the execution input names. */
export function keptClusterChecks(context: KeptClusterContext): readonly CheckSpec[] {
  const { id, found, execution, sfn, environment, minutes, now } = context;
  const exists: CheckSpec = {
    name: "kept-cluster",
    remedy: `${createInstead}. List those that exist: aws emr list-clusters --active`,
    run: () => {
      if (found.status === "rejected") throw found.reason;
      const state = stateOf(found.value.cluster);
      if (!isUsable(found.value.cluster)) throw new CheckFailure(`${id} is ${state}`);
      return `${id} is ${state}`;
    },
  };
  // The other checks need a cluster that exists.
  if (found.status === "rejected" || !isUsable(found.value.cluster)) return [exists];
  const { cluster, plan } = found.value;
  const executions = execution.id.slice(0, -execution.name.length);
  return [
    exists,
    {
      name: "kept-cluster-owner",
      remedy: "Name a cluster that an execution of this state machine has kept: its mail gives the id",
      run: () => {
        const owner = tagOf(cluster, executionTag);
        if (!owner?.startsWith(executions)) throw new CheckFailure(`${id} belongs to ${owner ?? "no execution"}`);
        return owner;
      },
    },
    {
      name: "kept-cluster-time",
      remedy: `${createInstead}, and keep it with keepMinutes; or give a smaller limit`,
      run: () => checkTime(cluster, minutes, now),
    },
    {
      name: "kept-cluster-environment",
      remedy: `${createInstead} with the current deployment. End the old one: aws emr terminate-clusters --cluster-ids ${id}`,
      run: () => checkEnvironment(cluster, environment),
    },
    {
      name: "kept-cluster-plan",
      remedy: createInstead,
      run: () => {
        if (plan === undefined) throw new CheckFailure(`No run in this bucket has a plan for ${id}`);
        return plan.name;
      },
    },
    {
      name: "kept-cluster-free",
      remedy: `Wait until that run has ended, or cancel the step: aws emr cancel-steps --cluster-id ${id} --step-ids <id>`,
      run: () => checkFree(found.value, sfn, executions),
    },
  ];
}
