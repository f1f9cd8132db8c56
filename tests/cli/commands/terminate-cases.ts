import { DescribeClusterCommand, SetTerminationProtectionCommand } from "@aws-sdk/client-emr";
import { beforeAll, describe, expect, it } from "vitest";
import { atTerminal, orchard } from "../account/account-commands.ts";
import { createCluster } from "../account/clusters.ts";
import { allMs, type Stage } from "./stage.ts";

export function terminateCases(stage: () => Stage): void {
  describe("orchard terminate", { timeout: allMs }, () => {
    let ours: string;
    let others: string;
    const stateOf = async (ClusterId: string) =>
      (await stage().clients.emr.send(new DescribeClusterCommand({ ClusterId }))).Cluster?.Status?.State;
    beforeAll(async () => {
      [ours, others] = await Promise.all([
        createCluster(stage().clients, "orchard-kept", { project: "orchard", "orchard:stack": "Orchard" }),
        createCluster(stage().clients, "payroll", {}),
      ]);
    });

    it("terminates nothing when the person says no, with exit code 4", async () => {
      const { exitCode, stdout } = await atTerminal(stage().account, ["terminate", ours], ["Terminate it?", "n\r"]);

      expect(stdout).toContain(`Cluster ${ours} (orchard-kept) is `);
      expect(stdout).toContain("Nothing was terminated.");
      expect(exitCode).toBe(4);
      expect(await stateOf(ours)).not.toMatch(/^TERMINAT/);
    });

    it("names the nearest cluster for one that does not exist, with exit code 3", async () => {
      const { exitCode, stdout, stderr } = await orchard("terminate", ours.slice(0, -1), "--yes");

      expect(stderr).toContain(
        `There is no cluster ${ours.slice(0, -1)} in this account and region. Did you mean ${ours}?`,
      );
      expect(stdout).toBe("");
      expect(exitCode).toBe(3);
    });

    it("is shown in docs/cli.md: Orchard's own cluster is terminated in spite of its protection", async () => {
      const { transcripts } = stage();
      transcripts.names.bind("j-0AXU6QRIOM2F7", ours);
      transcripts.names.bind("j-2V4D3OE1JJY3V", others);

      await transcripts.play("terminate");

      expect(await stateOf(ours)).toBe("TERMINATED");
      expect(await stateOf(others)).not.toMatch(/^TERMINAT/);
    });

    it("leaves the protection of another's cluster alone, and terminates it with --force without one", async () => {
      const refused = await orchard("terminate", others, "--yes", "--force");
      await stage().clients.emr.send(
        new SetTerminationProtectionCommand({ JobFlowIds: [others], TerminationProtected: false }),
      );
      const { exitCode, stdout } = await orchard("terminate", others, "--yes", "--force", "--json");

      expect(refused.stderr).toContain("it has termination protection");
      expect(refused.exitCode).toBe(2);
      expect(JSON.parse(stdout)).toEqual({ id: others, name: "payroll", state: "TERMINATED", wasAlive: true });
      expect(exitCode).toBe(0);
    });
  });
}
