import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
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

afterEach(() => rmSync(folder, { recursive: true, force: true }));

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

test("an image that cannot be restored leaves the node unchanged and is logged", async () => {
  const key = image.key(script, []);
  mkdirSync(join(folder, "images"));
  writeFileSync(join(folder, "images", key), "no folder");

  const second = join(folder, "absent", "opt");
  await image.restore(key, second);

  expect(logged).toEqual([expect.stringMatching(/was not restored: /)]);
});
