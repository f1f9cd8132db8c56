import { PutObjectCommand } from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, it } from "vitest";
import { atTerminal, orchard } from "../account/account-commands.ts";
import { createCluster } from "../account/clusters.ts";
import { allMs, clusterOf, type Stage } from "./stage.ts";

/** While the run "nightly" and its cluster are active. */
export function cleanCasesOfRunningWork(stage: () => Stage): void {
  describe("orchard clean, while a run is active", { timeout: allMs }, () => {
    it("leaves the run, its cluster and its logs alone, and says so", async () => {
      const id = await clusterOf(stage(), "nightly");

      const { exitCode, stdout } = await orchard("clean", "--clusters", "--outputs", "--logs", "--yes");

      expect(stdout).toMatch(/ clusters +none/);
      expect(stdout).toContain(`Stays: cluster ${id}, which a running execution uses`);
      expect(stdout).toContain("Stays: run nightly, which a running one needs");
      expect(stdout).toContain(`Stays: logs of cluster ${id}, which is alive`);
      expect(exitCode).toBe(0);
      expect((await orchard("status")).stdout).toContain(id);
    });

    it("refuses to delete the store and the images, with exit code 2", async () => {
      const { account } = stage();
      for (const part of ["--store", "--inputs"]) {
        const { exitCode, stdout, stderr } = await orchard("clean", part, "--yes", "--confirm-bucket", account.bucket);

        expect(stderr).toMatch(/nightly may use the \w+, so nothing was deleted/);
        expect(stdout).toBe("");
        expect(exitCode).toBe(2);
      }
    });
  });
}

/** While nothing runs. They delete everything that the account's bucket has. */
export function cleanCases(stage: () => Stage): void {
  describe("orchard clean", { timeout: allMs }, () => {
    const bucket = () => stage().account.bucket;
    const put = (Key: string) => stage().clients.s3.send(new PutObjectCommand({ Bucket: bucket(), Key, Body: "x" }));
    const portionsOf = async (...args: readonly string[]) =>
      JSON.parse((await orchard("clean", ...args, "--dry-run", "--json")).stdout).portions;
    const everything = ["--clusters", "--outputs", "--logs", "--store"];
    let kept: string;
    beforeAll(async () => {
      await Promise.all(["runs/old/manifest.json", "logs/emr/j-0/a.gz", "features-store/m/a.parquet"].map(put));
      kept = await createCluster(stage().clients, "orchard-kept", { project: "orchard", "orchard:stack": "Orchard" });
    });

    it("is shown in docs/cli.md", () => stage().transcripts.play("clean"));

    it("needs a choice, a yes and the bucket's name without a terminal, with exit code 2", async () => {
      const answers = [
        await orchard("clean"),
        await orchard("clean", "--store"),
        await orchard("clean", "--inputs", "--yes"),
        await orchard("clean", "--store", "--older-than", "never"),
      ];

      expect(answers.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2, 2]);
      expect(answers.map(({ stderr }) => stderr)).toEqual([
        expect.stringContaining("Say what to delete: --clusters, --outputs"),
        expect.stringContaining("Confirm with --yes"),
        expect.stringContaining(`Confirm with --confirm-bucket ${bucket()}`),
        expect.stringContaining('such as 12h, 30d or 2w, not "never"'),
      ]);
    });

    it("offers the choices on a terminal, and deletes nothing without a choice or a yes, with exit code 4", async () => {
      const { account } = stage();
      const none = await atTerminal(account, ["clean"], ["What is to be deleted?", "\r"]);
      const no = await atTerminal(account, ["clean", "--store"], ["Delete this?", "n\r"]);
      const other = await atTerminal(account, ["clean", "--inputs"], ["Type the bucket's name", "bucket\r"]);

      expect(none.stdout).toContain("store: features of all images");
      for (const { stdout, exitCode } of [none, no, other]) {
        expect(stdout).toContain("Nothing was deleted.");
        expect(exitCode).toBe(4);
      }
    });

    it("has nothing to delete that is older than a day, with exit code 0", async () => {
      const { exitCode, stdout } = await orchard("clean", ...everything, "--older-than", "1d", "--yes");

      expect(stdout).toContain("There is nothing to delete.");
      expect(exitCode).toBe(0);
    });

    it("deletes what was chosen, and only that", async () => {
      const images = await portionsOf("--inputs");

      const { exitCode, stdout, stderr } = await orchard("clean", ...everything, "--yes");

      expect(exitCode, stderr).toBe(0);
      expect(stdout).toMatch(/ store +\d+ objects +[\d.]+ kB\n/);
      expect(stdout).toContain(kept);
      expect(stdout).toContain("All of this is gone.");
      for (const { names, objects } of await portionsOf(...everything)) expect([names, objects]).toEqual([[], 0]);
      expect(await portionsOf("--inputs")).toEqual(images);
    });

    it("deletes the images once the bucket's name is given, and prints the same as JSON", async () => {
      const args = ["clean", "--inputs", "--yes", "--confirm-bucket", bucket(), "--json"];

      const { exitCode, stdout, stderr } = await orchard(...args);

      const { portions, ...rest } = JSON.parse(stdout);
      expect(rest).toEqual({ bucket: bucket(), before: null, deleted: true });
      expect(stderr).toBe("");
      expect(exitCode).toBe(0);
      expect(portions[0].objects).toBeGreaterThan(0);
      expect((await portionsOf("--inputs"))[0].objects).toBe(0);
    });
  });
}
