// Port forwarding by AWS Systems Manager to the web pages of a cluster's primary node, which has no public address.
import { delimiter } from "node:path";
import { type Cluster, type EMRClient, ListInstancesCommand } from "@aws-sdk/client-emr";
import { isGone, stateOf } from "../../lambdas/aws/cluster-states.ts";
import { waitUntil } from "../../shared/wait-until.ts";
import { CommandFailed, NotFound } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { runTool, startTool, toolPath } from "../toolchain/run-tool.ts";

/** The person's own AWS CLI comes before the project's, because only version 2 knows every way to log in. */
function tunnelPath(): string {
  return [process.env["PATH"] ?? "", toolPath()].join(delimiter);
}

const pluginGuide =
  "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html";

/** The ports of a cluster's web pages: EMR's Management Guide, "View web interfaces hosted on Amazon EMR clusters". */
export const nodePages = {
  /** YARN's web proxy, which leads to the page of a running Spark application. */
  spark: {
    port: 20_888,
    scheme: "http",
    path: "/",
    hint: "Add proxy/<application id>/ to the address; --page yarn shows the ids.",
  },
  yarn: {
    port: 8088,
    scheme: "http",
    path: "/cluster",
    hint: "YARN's ResourceManager lists the applications with their ids.",
  },
  jupyterhub: {
    port: 9443,
    scheme: "https",
    path: "/",
    hint: "JupyterHub's certificate is its own, so that the browser warns. The first user is jovyan.",
  },
} as const;

export type Page = keyof typeof nodePages;
export const pages = Object.keys(nodePages) as Page[];

/**
 * Returns the EC2 instance of the cluster's primary node.
 *
 * @throws NotFound when the cluster has ended; CommandFailed when the node does not run yet
 */
export async function findPrimaryNode(emr: EMRClient, cluster: Cluster): Promise<string> {
  const { Id: id = "" } = cluster;
  const state = stateOf(cluster);
  if (isGone(state)) throw new NotFound(`Cluster ${id} is ${state}, so its web pages are gone.`);
  const { Instances: [primary] = [] } = await emr.send(
    new ListInstancesCommand({ ClusterId: id, InstanceFleetType: "MASTER", InstanceStates: ["RUNNING"] }),
  );
  if (primary?.Ec2InstanceId === undefined) {
    throw new CommandFailed(`Cluster ${id} is ${state}, and its primary node does not run yet. Try again in a minute.`);
  }
  return primary.Ec2InstanceId;
}

export interface Tunnel {
  readonly instanceId: string;
  readonly remotePort: number;
  readonly localPort: number;
}

/** The arguments of the AWS CLI that forward a port of this machine to a port of the instance. */
export function tunnelArguments({ instanceId, remotePort, localPort }: Tunnel): readonly string[] {
  const parameters = { portNumber: [String(remotePort)], localPortNumber: [String(localPort)] };
  const document = ["--document-name", "AWS-StartPortForwardingSession"];
  return ["ssm", "start-session", "--target", instanceId, ...document, "--parameters", JSON.stringify(parameters)];
}

/** @throws CommandFailed when Session Manager's plugin for the AWS CLI is missing */
export async function requirePlugin(lifetime: Lifetime, env: NodeJS.ProcessEnv): Promise<void> {
  const { failed } = await runTool(lifetime, "session-manager-plugin", ["--version"], { env, path: tunnelPath() });
  if (failed) {
    throw new CommandFailed(
      `The AWS CLI needs Session Manager's plugin for a tunnel, and session-manager-plugin does not run. Install it: ${pluginGuide}`,
    );
  }
}

/**
 * Opens a tunnel that ends with the command.
 *
 * @param env the environment with the credentials of the account
 * @returns once the tunnel accepts connections; `closed` settles when it ends
 * @throws CommandFailed with the answer of Systems Manager
 */
export async function openTunnel(
  lifetime: Lifetime,
  tunnel: Tunnel,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly closed: Promise<unknown> }> {
  const options = { env, path: tunnelPath() };
  const { child, ended, hasEnded } = startTool(lifetime, "aws", tunnelArguments(tunnel), options);
  let output = "";
  child.all?.on("data", (chunk) => {
    output += String(chunk);
  });
  await waitUntil(() => hasEnded() || output.includes("Waiting for connections"), { signal: lifetime.signal });
  if (hasEnded()) throw new CommandFailed(describeRefusal(tunnel.instanceId, output));
  return { closed: ended };
}

function describeRefusal(instanceId: string, output: string): string {
  const lastLine = output.trim().split("\n").at(-1) ?? "";
  if (!output.includes("TargetNotConnected")) return `Systems Manager opened no session on ${instanceId}: ${lastLine}`;
  return `The node ${instanceId} is not connected to Systems Manager. Deploy with -c ssmAccess=true (docs/network.md); clusters that are created afterwards can be reached.`;
}
