import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { removeOldCopies } from "../../../cli/setup/old-copies.mjs";

const hour = 3_600_000;
let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "orchard-state-"));
});
afterEach(() => rmSync(state, { recursive: true }));

/** Makes a copy of the package that was used some hours ago. */
function makeCopy(name: string, hours: number): string {
  const copy = join(state, name);
  mkdirSync(copy);
  symlinkSync(state, join(copy, ".orchard"));
  const used = new Date(Date.now() - hours * hour);
  utimesSync(copy, used, used);
  return copy;
}

it("removes the copies of versions that nobody has used for a day, and what they link to stays", () => {
  const [current, old, recent] = [
    makeCopy("app-0123456789ab", 99),
    makeCopy("app-aaaaaaaaaaaa", 25),
    makeCopy("app-bbbbbbbbbbbb", 23),
  ];
  const partial = makeCopy("app-aaaaaaaaaaaa.1f", 25);
  const others = makeCopy("app-data", 99);

  removeOldCopies(state, current);

  expect([current, recent, others, old, partial].map((copy) => existsSync(copy))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});

it("marks the copy as used", () => {
  const [one, other] = [makeCopy("app-0123456789ab", 99), makeCopy("app-aaaaaaaaaaaa", 0)];

  removeOldCopies(state, one);
  removeOldCopies(state, other);

  expect(existsSync(one)).toBe(true);
});

it.each([
  ["stay while an account runs, which may use one", JSON.stringify({ pid: process.pid }), true],
  ["go when the account has ended", JSON.stringify({ pid: 2 ** 22 + 1 }), false],
  ["go when the account's record is incomplete", "{", false],
])("old copies %s", (_, record, stays) => {
  const [current, old] = [makeCopy("app-0123456789ab", 0), makeCopy("app-aaaaaaaaaaaa", 25)];
  mkdirSync(join(state, "account"));
  writeFileSync(join(state, "account", "account.json"), record);

  removeOldCopies(state, current);

  expect(existsSync(old)).toBe(stays);
});
