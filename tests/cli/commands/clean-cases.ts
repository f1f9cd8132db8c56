// Tests of orchard clean, on the account of stopping.test.ts.
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, it } from "vitest";
import type { Clients } from "../../../cli/account/aws-clients.ts";
import { answerQuestion } from "../account/answer-question.ts";
import { createCluster } from "../account/clusters.ts";
import type { Stage } from "./run-cases.ts";

const allMs = 300_000;

/** The account of the file that calls the cases, and its helpers. */
interface Context extends Stage {
  readonly clients: Clients;
  /** Waits for the cluster that a run creates. @returns its id */
  readonly clusterOf: (run: string) => Promise<string>;
}

/** While the run "first" and its cluster are active. */
export function cleanCasesOfRunningWork(context: () => Context): void {
  describe("orchard clean, while a run is active", { timeout: allMs }, () => {
    it("leaves the run, its cluster and its logs alone, and says so", async () => {
      const { orchard, clusterOf } = context();
      const id = await clusterOf("first");

      const { exitCode, stdout } = await orchard("clean", "--clusters", "--outputs", "--logs", "--yes");

      expect(stdout).toMatch(/ clusters +none/);
      expect(stdout).toContain(`Stays: cluster ${id}, which a running execution uses`);
      expect(stdout).toContain("Stays: run first, which a running one needs");
      expect(stdout).toContain(`Stays: logs of cluster ${id}, which is alive`);
      expect(exitCode).toBe(0);
      expect((await orchard("status")).stdout).toContain(id);
    });

    it("refuses to delete the store and the images, with exit code 2", async () => {
      const { account, orchard } = context();
      for (const part of ["--store", "--inputs"]) {
        const { exitCode, stdout, stderr } = await orchard("clean", part, "--yes", "--confirm-bucket", account.bucket);

        expect(stderr).toMatch(/first may use the \w+, so nothing was deleted/);
        expect(stdout).toBe("");
        expect(exitCode).toBe(2);
      }
    });
  });
}

/** While nothing runs. They delete everything that the account's bucket has. */
export function cleanCases(context: () => Context): void {
  describe("orchard clean", { timeout: allMs }, () => {
    const orchard = (...args: readonly string[]) => context().orchard(...args);
    const bucket = () => context().account.bucket;
    const put = (Key: string) => context().clients.s3.send(new PutObjectCommand({ Bucket: bucket(), Key, Body: "x" }));
    const portionsOf = async (...args: readonly string[]) =>
      JSON.parse((await orchard("clean", ...args, "--dry-run", "--json")).stdout).portions;
    const everything = ["--clusters", "--outputs", "--logs", "--store"];
    let kept: string;
    beforeAll(async () => {
      await Promise.all(["runs/old/manifest.json", "logs/emr/j-0/a.gz", "features-store/m/a.parquet"].map(put));
      kept = await createCluster(context().clients, "orchard-kept", { project: "orchard", "orchard:stack": "Orchard" });
    });

    it("shows as JSON how much there is, and deletes nothing with --dry-run", async () => {
      const portions = await portionsOf(...everything);

      expect(portions).toMatchObject([
        { part: "clusters", names: [kept] },
        { part: "outputs", names: expect.arrayContaining(["old"]), bytes: expect.any(Number) },
        { part: "logs", objects: expect.any(Number) },
        { part: "store", objects: 1, versions: 1, bytes: 1 },
      ]);
      expect(await portionsOf(...everything)).toEqual(portions);
    });

    it("needs a choice, a yes and the bucket's name without a terminal, with exit code 2", async () => {
      const answers = await Promise.all([
        orchard("clean"),
        orchard("clean", "--store"),
        orchard("clean", "--inputs", "--yes"),
        orchard("clean", "--store", "--older-than", "never"),
      ]);

      expect(answers.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2, 2]);
      expect(answers.map(({ stderr }) => stderr)).toEqual([
        expect.stringContaining("Say what to delete: --clusters, --outputs"),
        expect.stringContaining("Confirm with --yes"),
        expect.stringContaining(`Confirm with --confirm-bucket ${bucket()}`),
        expect.stringContaining('such as 12h, 30d or 2w, not "never"'),
      ]);
    });

    it("offers the choices on a terminal, and deletes nothing without a choice or a yes, with exit code 4", async () => {
      const env = { PATH: process.env["PATH"] ?? "", ORCHARD_HOME: context().account.home };

      const none = await answerQuestion(["clean", "--local"], "What is to be deleted?", "\r", env);
      const no = await answerQuestion(["clean", "--store", "--local"], "Delete this?", "n\r", env);
      const other = await answerQuestion(["clean", "--inputs", "--local"], "Type the bucket's name", "bucket\r", env);

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
      expect(stdout).toMatch(/ store +1 object +1 B\n/);
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
