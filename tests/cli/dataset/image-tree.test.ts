import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Dataset, type DatasetOptions, readDataset } from "../../../cli/dataset/image-tree.ts";
import { findNearestLayouts } from "../../../cli/dataset/nearest-layouts.ts";
import { walkFolder } from "../../../cli/dataset/walk-folder.ts";
import { UsageError } from "../../../cli/terminal/command-errors.ts";
import { inputTrees } from "../../input-trees.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-dataset-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(key: string | Buffer, content = "x"): void {
  const path = typeof key === "string" ? join(folder, key) : Buffer.concat([Buffer.from(`${folder}/`), key]);
  mkdirSync(typeof path === "string" ? dirname(path) : path.subarray(0, path.lastIndexOf("/")), { recursive: true });
  writeFileSync(path, content);
}

function read(path = folder, options: Partial<DatasetOptions> = {}): Promise<Dataset> {
  return readDataset(path, { command: "npm start -- --dataset", ...options });
}

function keys({ files }: Dataset): readonly string[] {
  return files.map(({ key }) => key);
}

async function refusal(path = folder): Promise<string> {
  const error = await read(path).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UsageError);
  return (error as Error).message;
}

describe("readDataset", () => {
  it.each(inputTrees.filter(({ onlyS3 }) => !onlyS3))("sorts out $name", async ({ layout, images, leftOut }) => {
    // Prepare
    for (const key of [...images, ...Object.values(leftOut).flat()]) write(key, "abc");

    // Act
    const dataset = await read();

    // Assess
    expect(dataset.layout).toBe(layout);
    expect([...keys(dataset)].sort()).toEqual([...images].sort());
    expect(dataset.files.every(({ bytes }) => bytes === 3)).toBe(true);
    const counts = Object.fromEntries(dataset.leftOut.map(({ reason, count }) => [reason, count]));
    expect(counts).toEqual(Object.fromEntries(Object.entries(leftOut).map(([reason, all]) => [reason, all.length])));
  });

  it("takes the layout that is given", async () => {
    for (const key of ["Training/Apple/1.jpg", "Kiwi/2.jpg"]) write(key);

    expect(keys(await read(folder, { layout: "label" }))).toEqual(["Kiwi/2.jpg"]);
    expect(keys(await read(folder, { layout: "split/label" }))).toEqual(["Training/Apple/1.jpg"]);
  });

  it("leaves out entries that cannot be uploaded, without an error", async () => {
    // Prepare
    write("Training/Apple/1.jpg");
    write(Buffer.from("Training/Apple/p\xeache.jpg", "latin1"));
    write(Buffer.from("Training/P\xeache/2.jpg", "latin1"));
    symlinkSync("nowhere", join(folder, "Training/Apple/dangling.jpg"));
    symlinkSync("circle.jpg", join(folder, "Training/Apple/circle.jpg"));
    symlinkSync("..", join(folder, "Training/above"));
    symlinkSync(folder, join(folder, "Training/Apple/deeper"));
    execFileSync("mkfifo", [join(folder, "Training/Apple/pipe.jpg")]);

    // Act
    const dataset = await read();

    // Assess
    expect(keys(dataset)).toEqual(["Training/Apple/1.jpg"]);
    expect(dataset.leftOut).toEqual([
      {
        reason: "unreadable",
        count: 5,
        examples: ["Training/Apple/circle.jpg", "Training/Apple/dangling.jpg", "Training/Apple/deeper"],
      },
      { reason: "not-utf8", count: 2, examples: ["Training/Apple/p\udceache.jpg", "Training/P\udceache/2.jpg"] },
    ]);
  });

  it.skipIf(process.getuid?.() === 0)("leaves out files and folders without read permission", async () => {
    write("Training/Apple/1.jpg");
    write("Training/Apple/2.jpg");
    write("Training/Kiwi/3.jpg");
    chmodSync(join(folder, "Training/Apple/2.jpg"), 0);
    chmodSync(join(folder, "Training/Kiwi"), 0);

    const { files, leftOut } = await read();
    chmodSync(join(folder, "Training/Kiwi"), 0o700);

    expect(files).toHaveLength(1);
    expect(leftOut).toEqual([{ reason: "unreadable", count: 2, examples: ["Training/Apple/2.jpg", "Training/Kiwi"] }]);
  });

  it("follows links to splits, labels and images", async () => {
    write("store/apples/1.jpg");
    for (const key of ["tree/Training/Kiwi/2.jpg"]) write(key);
    symlinkSync("../../store/apples", join(folder, "tree/Training/Apple"));
    symlinkSync("../../../store/apples/1.jpg", join(folder, "tree/Training/Kiwi/linked.jpg"));
    symlinkSync("Training", join(folder, "tree/Test"));

    expect(await read(join(folder, "tree"))).toMatchObject({ files: { length: 6 }, leftOut: [] });
  });

  it("explains that a folder is empty, and which structure is expected", async () => {
    expect(await refusal()).toMatch(/is empty\. An image tree is <split>\/<label>\/<image>/);
  });

  it("explains that images lie directly in the folder", async () => {
    write("1.jpg");
    expect(await refusal()).toMatch(
      /If .* is a label, pass the folder above it\.\nLeft out: 1 file, outside .*"1\.jpg"/,
    );
  });

  it("rejects a missing folder and a file", async () => {
    write("file");
    expect(await refusal(join(folder, "nowhere"))).toMatch(/does not exist/);
    expect(await refusal(join(folder, "file"))).toMatch(/is not a folder/);
  });
});

describe("a folder above the tree", () => {
  const fruits = ["Training/Apple 6/r0_0.jpg", "Test/Apple 6/r0_1.jpg", "test-multiple_fruits/apple_pear.jpg"];

  it.each(["fruits-360_dataset/fruits-360", "fruits-360_100x100/fruits-360", "fruits-360_original-size/a/b"])(
    "names the tree in %s, which then works",
    async (place) => {
      for (const key of fruits) write(`${place}/${key}`);
      const tree = join(folder, place);

      const message = await refusal();

      expect(message).toContain(
        `:\n  npm start -- --dataset ${tree}\n    2 images as <split>/<label>/<image>, such as`,
      );
      expect(keys(await read(tree))).toEqual(["Test/Apple 6/r0_1.jpg", "Training/Apple 6/r0_0.jpg"]);
    },
  );

  it("names the tree also from the archive's own folder, whose only images at the expected depth are of no label", async () => {
    for (const key of fruits) write(`fruits-360_dataset/fruits-360/${key}`);

    const message = await refusal(join(folder, "fruits-360_dataset"));

    expect(message).toContain(`has 1 image at <split>/<label>/<image>`);
    expect(message).toContain(`--dataset ${folder}/fruits-360_dataset/fruits-360\n`);
  });

  it("names every candidate, quoted for a shell", async () => {
    for (const key of ["it's 100/f/Training/A/1.jpg", "original/f/Training/a/1.jpg"]) write(key);

    const message = await refusal();

    expect(message).toContain(`\n  npm start -- --dataset '${folder}/it'\\''s 100/f'\n`);
    expect(message).toContain(`\n  npm start -- --dataset ${folder}/original/f\n`);
  });

  it("is no tree because of deeper images in its splits", async () => {
    for (const key of ["train/Apple/red/1.jpg", "train/Apple/green/2.jpg"]) write(key);

    expect(await refusal()).toMatch(
      /has no image at <split>\/<label>\/<image>.*\nLeft out: 2 files, deeper than a label/,
    );
  });

  it("is the tree itself if it has the common splits and the more images", async () => {
    for (const key of ["Training/Apple/1.jpg", "Training/Apple/2.jpg", "more/Training/Apple/3.jpg"]) write(key);

    expect(await read()).toMatchObject({ files: { length: 2 }, leftOut: [{ reason: "deep", count: 1 }] });
  });
});

describe("the nearest layouts of a refused folder", () => {
  const near = async (path = folder) => {
    const shown = (await refusal(path)).split("The nearest layouts, with the commands that take them:\n")[1] ?? "";
    return shown.split("\n").filter((line) => line.startsWith("  npm start"));
  };

  it("are the folder below that has the tree, and the folder itself with other names as splits", async () => {
    for (const key of ["set/Training/Kiwi/1.jpg", "set/Training/Kiwi/2.jpg", "set/extra/3.jpg"]) write(key);

    expect(await near()).toEqual([
      `  npm start -- --dataset ${folder}/set`,
      `  npm start -- --dataset ${folder} --layout split/label`,
    ]);
  });

  it("are those with which a label is a split, for images in folders of a label", async () => {
    for (const key of ["train/Apple/red/1.jpg", "train/Apple/green/2.jpg"]) write(key);

    expect(await near()).toEqual([
      `  npm start -- --dataset ${folder}/train`,
      `  npm start -- --dataset ${folder}/train/Apple`,
    ]);
  });

  it("are the folders above a label", async () => {
    write("photos/Test/Kiwi/1.jpg");

    expect(await near(join(folder, "photos/Test/Kiwi"))).toEqual([
      `  npm start -- --dataset ${folder}/photos --layout split/label`,
      `  npm start -- --dataset ${folder}/photos/Test --layout label`,
    ]);
  });

  it("are none where no file is an image", async () => {
    write("Training/Kiwi/notes.txt");

    expect(await near()).toEqual([]);
  });

  it("all work, with the number of images that they promise", async () => {
    const name = fc.constantFrom("Training", "test", "Kiwi", "Apple", "x");
    const files = fc.uniqueArray(fc.array(name, { maxLength: 5 }), { maxLength: 6, selector: String });
    await fc.assert(
      fc.asyncProperty(files, async (places) => {
        const given = join(folder, "given");
        rmSync(given, { recursive: true, force: true });
        mkdirSync(given);
        for (const [index, names] of places.entries()) write(["given", ...names, `${index}.jpg`].join("/"));
        const isRefused = await read(given).then(
          () => false,
          () => true,
        );
        for (const near of isRefused ? findNearestLayouts(given, (await walkFolder(given)).files) : []) {
          const options = near.isForced ? { layout: near.layout } : {};
          expect(await read(near.folder, options)).toMatchObject({
            layout: near.layout,
            files: { length: near.images },
          });
        }
      }),
      { numRuns: 40 },
    );
  });
});
