import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteObjectsCommand, type S3Client } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkBucket, listObjects, planSync, removeFiles, uploadFiles } from "../../../cli/dataset/bucket-sync.ts";
import type { LocalFile } from "../../../cli/dataset/image-tree.ts";
import { createBucket, putObject, uniqueName } from "../../lambdas/fixtures.ts";
import { startMinistack } from "../../lambdas/ministack.ts";

const account = await startMinistack();

function local(key: string, bytes: number) {
  return { key, path: `/data/${key}`, bytes };
}
function failToRead(): Promise<string> {
  return Promise.reject(new Error("no file has to be read"));
}

describe("planSync", () => {
  it("uploads new files and files with another size or content; removes objects that the dataset does not contain", async () => {
    // Prepare
    const files = [local("new", 1), local("longer", 2), local("other", 3), local("same", 3)];
    const remote = [
      { key: "longer", bytes: 1, etag: "md5 of longer" },
      { key: "other", bytes: 3, etag: "md5 of what it was" },
      { key: "same", bytes: 3, etag: "md5 of /data/same" },
      { key: "old", bytes: 9, etag: "md5 of old" },
    ];

    // Act
    const plan = await planSync(files, remote, async (path) => `md5 of ${path}`);

    // Assess
    expect(plan.upload.map(({ key }) => key)).toEqual(["new", "longer", "other"]);
    expect(plan.unchanged).toBe(1);
    expect(plan.remove.map(({ key }) => key)).toEqual(["old"]);
  });

  it("reads no file whose size shows that it has changed", async () => {
    const plan = await planSync([local("a", 1), local("b", 2)], [{ key: "b", bytes: 3, etag: "" }], failToRead);
    expect(plan.upload).toHaveLength(2);
  });

  it("makes the bucket equal to the dataset, after which nothing is left to do", async () => {
    const contents = fc.dictionary(fc.stringMatching(/^[a-c]{1,2}$/), fc.stringMatching(/^[xy]{0,2}$/));
    const list = (files: Readonly<Record<string, string>>) =>
      Object.entries(files).map(([key, text]) => ({ key, bytes: text.length, etag: text, path: text }));
    const md5 = async (path: string): Promise<string> => path;
    await fc.assert(
      fc.asyncProperty(contents, contents, async (wanted, stored) => {
        const plan = await planSync(list(wanted), list(stored), md5);
        const after: Record<string, string> = { ...stored };
        for (const { key, path } of plan.upload) after[key] = path;
        for (const { key } of plan.remove) delete after[key];
        expect(after).toEqual({ ...wanted });
        expect(await planSync(list(wanted), list(after), md5)).toMatchObject({ upload: [], remove: [] });
      }),
    );
  });
});

const keys = ["cr\r.jpg", "lf\n.jpg", "\u0001.jpg", 'a+b %2B&<>".jpg', "é.jpg", "double//slash.jpg", "plain.jpg"];

async function store(): Promise<{ readonly bucket: string; readonly prefix: string }> {
  const bucket = uniqueName("sync");
  await createBucket(account, bucket);
  for (const key of [...keys, "stays.jpg"]) await putObject(account, bucket, `data/raw/${key}`, "x");
  return { bucket, prefix: "data/raw/" };
}

describe("removeFiles", () => {
  it("lists and removes objects with any characters in their keys", async () => {
    const target = await store();
    const stored = await listObjects(account.s3, target.bucket, target.prefix);
    expect(stored.map(({ key }) => key).sort()).toEqual([...keys, "stays.jpg"].sort());

    await removeFiles(
      account.s3,
      stored.filter(({ key }) => key !== "stays.jpg"),
      target,
    );

    expect(await listObjects(account.s3, target.bucket, target.prefix)).toMatchObject([{ key: "stays.jpg" }]);
  });
});

describe("checkBucket", () => {
  it("names an object that is still there, although S3 has reported success", async () => {
    // Prepare
    const target = await store();
    const removed = await listObjects(account.s3, target.bucket, target.prefix);
    const send = async (command: unknown): Promise<unknown> =>
      command instanceof DeleteObjectsCommand
        ? {}
        : (account.s3 as unknown as { send: (command: unknown) => unknown }).send(command);
    const deaf: S3Client = Object.assign(Object.create(account.s3), { send });
    await removeFiles(deaf, removed, target);

    // Act, Assess
    await expect(checkBucket(deaf, { files: [], removed }, target)).rejects.toThrow(
      /7 old images are still in .* "a\+b/,
    );
  });

  it("names an image that is missing, or that has another size than it had", async () => {
    const target = await store();
    const check = (...files: readonly LocalFile[]) => checkBucket(account.s3, { files, removed: [] }, target);

    await check(local("plain.jpg", 1));
    await expect(check(local("plain.jpg", 1), local("gone.jpg", 1))).rejects.toThrow(/1 of 2 images .* "gone\.jpg"/);
    await expect(check(local("plain.jpg", 2))).rejects.toThrow(/1 of 1 images .* "plain\.jpg"/);
  });
});

describe("uploadFiles", () => {
  it("names a file that cannot be read, and leaves whole objects alone", async () => {
    // Prepare
    const target = { bucket: uniqueName("upload"), prefix: "data/raw/" };
    await createBucket(account, target.bucket);
    const folder = mkdtempSync(join(tmpdir(), "orchard-upload-"));
    const path = join(folder, "1.jpg");
    writeFileSync(path, "abc");

    // Act
    const files = [{ key: "A/1.jpg", path, bytes: 3 }, local("A/2.jpg", 1)];
    const outcome = uploadFiles(account.s3, files, target, {});

    // Assess
    await expect(outcome).rejects.toThrow(/^The image "\/data\/A\/2\.jpg" cannot be read: ENOENT/);
    const stored = await listObjects(account.s3, target.bucket, target.prefix);
    expect(stored.every(({ key, bytes }) => key === "A/1.jpg" && bytes === 3)).toBe(true);
    rmSync(folder, { recursive: true });
  });
});
