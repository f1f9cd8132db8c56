import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { approveRemoval, findRiskyRemoval } from "../../../cli/dataset/approve-removal.ts";
import type { SyncPlan } from "../../../cli/dataset/bucket-sync.ts";
import { UsageError } from "../../../cli/terminal/command-errors.ts";
import type { Lifetime } from "../../../cli/terminal/lifetime.ts";

const sample = mkdtempSync(join(tmpdir(), "orchard-sample-"));
vi.mock(import("../../../cli/toolchain/places.ts"), async (importOriginal) => {
  const original = await importOriginal();
  return {
    ...original,
    get places() {
      return { ...original.places, sample };
    },
  };
});
afterAll(() => rmSync(sample, { recursive: true }));

function planOf(stored: number, remove: readonly string[]): SyncPlan {
  return { upload: [], unchanged: 0, stored, remove: remove.map((key) => ({ key, bytes: 1, etag: "" })) };
}

const removal = { uri: "s3://b/data/raw/", dataset: "photos", approved: false, interactive: false };
// Without a terminal, nothing is asked.
const lifetime = {} as unknown as Lifetime;

describe("approveRemoval", () => {
  it("lets a tenth of the images go, and objects that are no images", async () => {
    const plan = planOf(20, ["Training/A/1.jpg", "Training/A/2.jpg", "notes.txt", "Training/", "x.csv"]);

    expect(await findRiskyRemoval(plan)).toEqual([]);
    await approveRemoval(lifetime, plan, removal);
  });

  it("lets the generated sample go, but not images of a person with the same names", async () => {
    const key = "Training/Banana/0_100.jpg";
    mkdirSync(dirname(join(sample, key)), { recursive: true });
    writeFileSync(join(sample, key), "sample");
    const plan = (content: string): SyncPlan => ({
      ...planOf(1, []),
      remove: [{ key, bytes: 6, etag: createHash("md5").update(content).digest("hex") }],
    });

    expect(await findRiskyRemoval(plan("sample"))).toEqual([]);
    expect(await findRiskyRemoval(plan("photos"))).toHaveLength(1);
  });

  it("refuses to remove more without --delete where nobody can be asked", async () => {
    const plan = planOf(20, ["Training/A/1.jpg", "Training/A/2\r.webp", "Training/A/3.TIF"]);

    const outcome = approveRemoval(lifetime, plan, removal);

    await expect(outcome).rejects.toThrow(UsageError);
    await expect(outcome).rejects.toThrow(
      'This would remove 3 of the 20 images in s3://b/data/raw/ that photos does not have, such as "Training/A/1.jpg". Add --delete',
    );
    await approveRemoval(lifetime, plan, { ...removal, approved: true });
  });
});
