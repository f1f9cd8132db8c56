import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readDataset } from "../../../cli/dataset/image-tree.ts";

describe("readDataset", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "orchard-dataset-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (key: string, content = "x"): void => {
    mkdirSync(dirname(join(folder, key)), { recursive: true });
    writeFileSync(join(folder, key), content);
  };

  it("lists only images directly under <split>/<label>/", async () => {
    // Prepare
    for (const key of ["Training/Pêche d'été/1 (a).JPG", "Training/Apple 1/b.jpeg", "Test/Apple 1/a.png"])
      write(key, "abc");
    for (const key of ["readme.md", "Training/loose.txt", "Training/Apple 1/notes.txt", "Training/Apple 1/deep/c.jpg"])
      write(key);
    write(".hidden/Apple 1/d.jpg");

    // Act
    const { files } = await readDataset(folder);

    // Assess
    expect(files.map(({ key, bytes }) => [key, bytes])).toEqual([
      ["Test/Apple 1/a.png", 3],
      ["Training/Apple 1/b.jpeg", 3],
      ["Training/Pêche d'été/1 (a).JPG", 3],
    ]);
  });

  it("explains that a folder is empty, and which structure is expected", async () => {
    await expect(readDataset(folder)).rejects.toThrow(/is empty\. An image tree is <split>\/<label>\/<image>/);
  });

  it("explains that the folder is a split, and names its parent", async () => {
    write("Apple 1/a.jpg");
    await expect(readDataset(folder)).rejects.toThrow(`pass the folder above it: ${dirname(folder)}`);
  });

  it("rejects a missing folder and a file", async () => {
    write("file");
    await expect(readDataset(join(folder, "nowhere"))).rejects.toThrow(/does not exist/);
    await expect(readDataset(join(folder, "file"))).rejects.toThrow(/is not a folder/);
  });
});
