import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listObjects } from "../../../lambdas/aws/s3.ts";
import { json } from "../account/account-commands.ts";
import { allMs, type Stage } from "./stage.ts";

export function uploadCases(stage: () => Stage): void {
  describe("orchard upload", { timeout: allMs }, () => {
    /** The images of docs/cli.md, which are in the bucket. */
    const photos = () => join(stage().account.home, "photos");
    const uploadJson = (...args: readonly string[]) => json("upload", ...args);
    const stored = async (prefix: string) =>
      listObjects(stage().clients.s3, { bucket: stage().account.bucket, key: `data/raw/${prefix}` });

    it("uploads what is changed, and leaves the images of others", async () => {
      appendFileSync(join(photos(), "Training", "Apple 0", "0_100.jpg"), "more");

      expect(await uploadJson("photos")).toMatchObject({ images: 5, uploaded: 1, unchanged: 4 });
      expect((await stored("Training/Banana/")).length).toBeGreaterThan(0);
    });

    it("removes what the folder does not have with --delete", async () => {
      rmSync(join(photos(), "Training", "Apple 1"), { recursive: true });

      expect(await uploadJson("photos", "--delete")).toMatchObject({ images: 3, uploaded: 0, others: 0 });
      expect(await stored("")).toHaveLength(3);
    });

    it("replaces single images by a pack, as docs/cli.md shows", async () => {
      await stage().transcripts.play("upload FOLDER --pack");

      expect(new Set((await stored("")).map(({ key }) => key))).toEqual(
        new Set(["data/raw/pack.json", "data/raw/shards/00000.parquet"]),
      );
      const plan = await json("plan", "--mode", "full", "--components", "2");
      expect(plan).toMatchObject({ pack: { shards: 1, groups: 1 }, counts: { images: 3, labels: 1 } });
    });

    it("replaces a pack by single images with --delete", async () => {
      expect(await uploadJson("photos", "--delete")).toMatchObject({ uploaded: 3, removed: 2 });
    });
  });
}
