import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NodeImage } from "../../../local/emr/node-image.ts";

const script = Buffer.from("#!/bin/bash\n");
let folder: string;
let logged: string[];
let image: NodeImage;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-image-"));
  logged = [];
  image = new NodeImage(join(folder, "images"), (line) => logged.push(line));
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

/** Creates a node's /opt with a file of its bootstrap action. */
function createOpt(name: string, content: string): string {
  const opt = join(folder, name, "opt");
  mkdirSync(join(opt, "orchard"), { recursive: true });
  writeFileSync(join(opt, "orchard", "made"), content);
  return opt;
}

/** Creates a node without /opt and returns the path of /opt. */
function createEmptyNode(name: string): string {
  mkdirSync(join(folder, name));
  return join(folder, name, "opt");
}

test("the same action finds its files on another node, as hard links", async () => {
  const first = createOpt("first", "wheels");
  await image.save(image.key(script, ["a"]), first);

  const second = createEmptyNode("second");
  await image.restore(image.key(script, ["a"]), second);

  expect(readFileSync(join(second, "orchard", "made"), "utf8")).toBe("wheels");
  expect(statSync(join(second, "orchard", "made")).ino).toBe(statSync(join(first, "orchard", "made")).ino);
});

test("removing a node leaves the image complete", async () => {
  const first = createOpt("first", "wheels");
  await image.save(image.key(script, []), first);
  rmSync(first, { recursive: true });

  const second = createEmptyNode("second");
  await image.restore(image.key(script, []), second);

  expect(readFileSync(join(second, "orchard", "made"), "utf8")).toBe("wheels");
});

test.each([
  ["another script", Buffer.from("#!/bin/sh\n"), ["a"]],
  ["other arguments", script, ["b"]],
])("%s starts without an image", async (_, other, args) => {
  await image.save(image.key(script, ["a"]), createOpt("first", "wheels"));

  const second = createEmptyNode("second");
  await image.restore(image.key(other, args), second);

  expect(readdirSync(join(second, ".."))).toEqual([]);
});

test("only the latest image is kept", async () => {
  const keys = ["a", "b"].map((argument) => image.key(script, [argument]));
  for (const [number, key] of keys.entries()) await image.save(key, createOpt(`node-${number}`, "wheels"));

  expect(readdirSync(join(folder, "images"))).toEqual([keys[1]]);
});

test("the unfinished image of another node stays, and one of a killed account goes after an hour", async () => {
  const unfinished = join(folder, "images", `${image.key(script, ["b"])}.unfinished`);
  mkdirSync(unfinished, { recursive: true });

  await image.save(image.key(script, ["a"]), createOpt("first", "wheels"));
  const during = readdirSync(join(folder, "images"));
  vi.setSystemTime(Date.now() + 3_700_000);
  await image.save(image.key(script, ["c"]), createOpt("second", "wheels"));

  expect(during).toEqual(expect.arrayContaining([basename(unfinished), image.key(script, ["a"])]));
  expect(readdirSync(join(folder, "images"))).toEqual([image.key(script, ["c"])]);
});

test("nodes that save at the same time leave one complete image", async () => {
  const key = image.key(script, []);
  const nodes = [1, 2, 3, 4, 5, 6].map((number) => createOpt(`node-${number}`, "wheels"));
  for (const opt of nodes) for (let file = 0; file < 100; file += 1) writeFileSync(join(opt, `${file}`), "wheel");
  await image.save(image.key(script, ["older"]), createOpt("older", "wheels"));

  await Promise.all(nodes.map((opt) => image.save(key, opt)));

  expect(logged).toEqual([]);
  expect(readdirSync(join(folder, "images"))).toEqual([key]);
  expect(readdirSync(join(folder, "images", key))).toHaveLength(101);
});

test("an image that cannot be restored leaves the node unchanged and is logged", async () => {
  const key = image.key(script, []);
  mkdirSync(join(folder, "images"));
  writeFileSync(join(folder, "images", key), "no folder");

  const second = join(folder, "absent", "opt");
  await image.restore(key, second);

  expect(logged).toEqual([expect.stringMatching(/was not restored: /)]);
});
