import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ListInstancesCommand } from "@aws-sdk/client-emr";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { isApplicationOf } from "../../../cli/commands/connect.ts";
import { findPrimaryNode, openTunnel, requirePlugin } from "../../../cli/execution/node-tunnel.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { emrClient } from "../../doubles/emr.ts";

const tunnel = { instanceId: "i-1", remotePort: 8088, localPort: 9000 };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-tunnel-"));
  vi.stubEnv("PATH", [folder, dirname(process.execPath), "/usr/bin", "/bin"].join(":"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Puts a program on the PATH in front of all others. */
function install(name: string, script: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/bash\nset -euo pipefail\n${script}\n`);
  chmodSync(file, 0o755);
}

it("asks Systems Manager for exactly this session, and ends it with the command", async () => {
  install("aws", `printf '%s\\n' "$@" > ${folder}/arguments\necho 'Waiting for connections...'\nexec sleep 600`);
  const lifetime = new Lifetime();

  const { closed } = await openTunnel(lifetime, tunnel, {});

  // AWS CLI, "start-session", the example of port forwarding.
  expect(readFileSync(join(folder, "arguments"), "utf8").trim().split("\n")).toEqual([
    "ssm",
    "start-session",
    "--target",
    "i-1",
    "--document-name",
    "AWS-StartPortForwardingSession",
    "--parameters",
    '{"portNumber":["8088"],"localPortNumber":["9000"]}',
  ]);
  await lifetime.close();
  expect(await closed).toMatchObject({ signal: "SIGTERM" });
});

it("says which setting is missing when the node is not connected to Systems Manager", async () => {
  install(
    "aws",
    "echo 'An error occurred (TargetNotConnected) when calling StartSession: i-1 is not connected.' >&2; exit 254",
  );

  await expect(openTunnel(new Lifetime(), tunnel, {})).rejects.toThrow(/i-1 is not connected .*-c ssmAccess=true/);
});

it("passes any other answer of Systems Manager on", async () => {
  install("aws", "echo 'An error occurred (AccessDeniedException) when calling StartSession: no' >&2; exit 254");

  await expect(openTunnel(new Lifetime(), tunnel, {})).rejects.toThrow(/on i-1: .*AccessDeniedException/);
});

it("names the plugin that is missing and where to get it", async () => {
  await expect(requirePlugin(new Lifetime(), {})).rejects.toThrow(
    /session-manager-plugin does not run.*https:\/\/docs\.aws/,
  );
});

it("accepts the plugin that is installed", async () => {
  install("session-manager-plugin", "echo 1.2.0");

  await expect(requirePlugin(new Lifetime(), {})).resolves.toBeUndefined();
});

it("finds the instance of the primary node", async () => {
  const sent: unknown[] = [];
  const emr = emrClient(async (command) => {
    if (command instanceof ListInstancesCommand) sent.push(command.input);
    return { Instances: [{ Ec2InstanceId: "i-1" }] };
  });

  expect(await findPrimaryNode(emr, { Id: "j-1", Status: { State: "RUNNING" } })).toBe("i-1");
  expect(sent).toEqual([{ ClusterId: "j-1", InstanceFleetType: "MASTER", InstanceStates: ["RUNNING"] }]);
});

it("says that a primary node does not run yet, and that the pages of an ended cluster are gone", async () => {
  const emr = emrClient(async () => ({ Instances: [] }));

  await expect(findPrimaryNode(emr, { Id: "j-1", Status: { State: "STARTING" } })).rejects.toThrow(/not run yet/);
  await expect(findPrimaryNode(emr, { Id: "j-1", Status: { State: "TERMINATED" } })).rejects.toThrow(/TERMINATED, so/);
});

it.each([
  ["application_1700000000500_0001", true],
  ["application_1700000000500_0002.lz4", true],
  ["local-1700000000500", true],
  ["application_1600000000000_0001", false],
  ["application_1700000002000_0001", false],
  ["something-else", false],
])("the event log %s belongs to a cluster that was alive at its time: %s", (name, expected) => {
  const CreationDateTime = new Date(1_700_000_000_000);
  const EndDateTime = new Date(1_700_000_001_000);

  expect(isApplicationOf({ Status: { Timeline: { CreationDateTime, EndDateTime } } }, name)).toBe(expected);
});
