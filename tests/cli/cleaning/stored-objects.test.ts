import { DeleteObjectCommand, PutBucketVersioningCommand } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { describe, expect, it } from "vitest";
import { deleteStored, findLeft, listStored } from "../../../cli/cleaning/stored-objects.ts";
import { createBucket, putObject } from "../../lambdas/fixtures.ts";
import { startMinistack } from "../../lambdas/ministack.ts";

const account = await startMinistack();

describe("objects with their versions", () => {
  it("are deleted below the prefix, with versions, delete markers and any characters in their keys", async () => {
    // Prepare
    const bucket = await createBucket(account);
    await account.s3.send(
      new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }),
    );
    for (const text of ["a", "bc"]) await putObject(account, bucket, "runs/twice", text);
    for (const key of ["runs/gone", "runs/a+b &<é.jpg", "stays"]) await putObject(account, bucket, key, "x");
    await account.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: "runs/gone" }));

    // Act
    const stored = await listStored(account.s3, { bucket, key: "runs/" });
    await deleteStored(account.s3, bucket, stored, {});

    // Assess
    expect(stored.map(({ key, versions, bytes }) => [key, versions.length, bytes])).toEqual([
      ["runs/a+b &<é.jpg", 1, 1],
      ["runs/gone", 2, 1],
      ["runs/twice", 2, 3],
    ]);
    expect((await listStored(account.s3, { bucket, key: "" })).map(({ key }) => key)).toEqual(["stays"]);
  });

  it("are listed and deleted over several pages of a bucket without versioning", async () => {
    const bucket = await createBucket(account);
    const keys = Array.from({ length: 1_003 }, (_, index) => `logs/${String(index).padStart(4, "0")}`);
    await pMap(keys, (key) => putObject(account, bucket, key, "x"), { concurrency: 50 });
    const counts: number[] = [];

    const stored = await listStored(account.s3, { bucket, key: "logs/" });
    await deleteStored(account.s3, bucket, stored, { onProgress: (deleted) => counts.push(deleted) });

    expect(stored.map(({ key }) => key)).toEqual(keys);
    expect(counts).toEqual([1_000, 1_003]);
    expect(await listStored(account.s3, { bucket, key: "" })).toEqual([]);
  });
});

describe("findLeft", () => {
  const then = new Date("2026-01-02T03:00:00Z");
  const deleted = { key: "runs/a", versions: ["null"], bytes: 1, modifiedAt: then };

  it("finds an object that is still there, and not one that was written again or is gone", () => {
    const again = { ...deleted, modifiedAt: new Date("2026-01-02T03:00:01Z") };

    expect(findLeft([deleted], [deleted])).toEqual([deleted]);
    expect(findLeft([deleted], [again])).toEqual([]);
    expect(findLeft([deleted], [{ ...deleted, versions: ["other"] }])).toEqual([]);
    expect(findLeft([deleted], [])).toEqual([]);
  });
});
