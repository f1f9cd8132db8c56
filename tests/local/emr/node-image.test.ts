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

/** The /opt of a node, with what an action made. */
function aNode(name: string, content: string): string {
  const opt = join(folder, name, "opt");
  mkdirSync(join(opt, "orchard"), { recursive: true });
  writeFileSync(join(opt, "orchard", "made"), content);
  return opt;
}

function anEmptyNode(name: string): string {
  mkdirSync(join(folder, name));
  return join(folder, name, "opt");
}

test("the same action finds what it made on another node, and shares the disk with it", async () => {
  const first = aNode("first", "wheels");
  await image.save(image.key(script, ["a"]), first);

  const second = anEmptyNode("second");
  await image.restore(image.key(script, ["a"]), second);

  expect(readFileSync(join(second, "orchard", "made"), "utf8")).toBe("wheels");
  expect(statSync(join(second, "orchard", "made")).ino).toBe(statSync(join(first, "orchard", "made")).ino);
});

test("a node that goes takes nothing from the others", async () => {
  const first = aNode("first", "wheels");
  await image.save(image.key(script, []), first);
  rmSync(first, { recursive: true });

  const second = anEmptyNode("second");
  await image.restore(image.key(script, []), second);

  expect(readFileSync(join(second, "orchard", "made"), "utf8")).toBe("wheels");
});

test.each([
  ["another script", Buffer.from("#!/bin/sh\n"), ["a"]],
  ["other arguments", script, ["b"]],
])("%s begins with nothing", async (_, other, args) => {
  await image.save(image.key(script, ["a"]), aNode("first", "wheels"));

  const second = anEmptyNode("second");
  await image.restore(image.key(other, args), second);

  expect(readdirSync(join(second, ".."))).toEqual([]);
});

test("the latest alone is kept", async () => {
  const keys = ["a", "b"].map((argument) => image.key(script, [argument]));
  for (const [number, key] of keys.entries()) await image.save(key, aNode(`node-${number}`, "wheels"));

  expect(readdirSync(join(folder, "images"))).toEqual([keys[1]]);
});

test("an image that cannot be used leaves the node as it was, and is told of", async () => {
  const key = image.key(script, []);
  mkdirSync(join(folder, "images"));
  writeFileSync(join(folder, "images", key), "no folder");

  const second = join(folder, "absent", "opt");
  await image.restore(key, second);

  expect(logged).toEqual([expect.stringMatching(/was not used: /)]);
});
