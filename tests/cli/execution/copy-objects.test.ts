import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { copyObjects } from "../../../cli/execution/copy-objects.ts";
import type { TransferProgress } from "../../../cli/terminal/transfer.ts";
import { S3Double } from "../../doubles/s3.ts";

const from = { bucket: "data", key: "runs/run-1/" };
const md5 = (text: string) => createHash("md5").update(text).digest("hex");

let s3: S3Double;
let folder: string;
beforeEach(() => {
  s3 = new S3Double();
  folder = mkdtempSync(join(tmpdir(), "orchard-copy-"));
  return () => rmSync(folder, { recursive: true });
});

function write(key: string, text: string, etag = md5(text)): void {
  s3.write(from.key + key, text);
  s3.etags.set(from.key + key, etag);
}

describe("copyObjects", () => {
  it("copies only the wanted objects, and reports files and bytes", async () => {
    write("manifest.json", "{}");
    write("pca/csv/part-0.csv", "path\n");
    write("pca/parquet/part-0.parquet", "PAR1");
    const reports: TransferProgress[] = [];

    const copied = await copyObjects(s3.client, from, folder, {
      isWanted: (key) => !key.includes("/parquet/"),
      onProgress: (progress) => reports.push(progress),
    });

    expect(copied).toEqual({ files: 2, bytes: 7, unchanged: 0 });
    expect(reports.at(-1)).toEqual({ files: 2, totalFiles: 2, bytes: 7, totalBytes: 7 });
    expect(readdirSync(join(folder, "pca"))).toEqual(["csv"]);
  });

  it.each([
    ["the same content stays", "path\n", md5("path\n"), 0],
    ["another content of the same size is replaced", "PATH\n", md5("path\n"), 1],
    ["another size is replaced", "path", md5("path\n"), 1],
    ["the same size stays when the etag is that of an upload in parts", "PATH\n", `${md5("x")}-2`, 0],
  ])("a file that is there: %s", async (_, there, etag, reads) => {
    write("pca/csv/part-0.csv", "path\n", etag);
    mkdirSync(join(folder, "pca", "csv"), { recursive: true });
    writeFileSync(join(folder, "pca", "csv", "part-0.csv"), there);

    const { files, unchanged } = await copyObjects(s3.client, from, folder);

    expect(s3.gets).toHaveLength(reads);
    expect([files, unchanged]).toEqual([1, 1 - reads]);
    if (reads > 0) expect(readFileSync(join(folder, "pca", "csv", "part-0.csv"), "utf8")).toBe("path\n");
  });

  it("leaves no file under its name when the object's content is not the listed one", async () => {
    write("manifest.json", "{}", md5("{ }"));

    await expect(copyObjects(s3.client, from, folder)).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining("s3://data/runs/run-1/manifest.json has changed or was cut"),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("says which folder cannot be written, and what to do", async () => {
    write("manifest.json", "{}");
    writeFileSync(join(folder, "a file"), "");

    await expect(copyObjects(s3.client, from, join(folder, "a file"))).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/a file cannot be written: .*Choose another folder with --output/),
    });
  });

  it("goes on where an interrupted copy has ended", async () => {
    for (let part = 0; part < 40; part += 1) write(`part-${part}`, `content ${part}`);
    const controller = new AbortController();
    const onProgress = ({ files }: TransferProgress) => files === 10 && controller.abort();
    await expect(copyObjects(s3.client, from, folder, { signal: controller.signal, onProgress })).rejects.toThrow();
    const there = readdirSync(folder);
    s3.gets.length = 0;

    const { files, unchanged } = await copyObjects(s3.client, from, folder);

    expect(there.filter((name) => name.endsWith(".part"))).toEqual([]);
    expect(there.length).toBeGreaterThanOrEqual(10);
    expect([files, unchanged, s3.gets.length]).toEqual([40, there.length, 40 - there.length]);
    expect(existsSync(join(folder, "part-39"))).toBe(true);
  });
});
