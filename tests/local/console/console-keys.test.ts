import { expect, test } from "vitest";
import { reportTicket, runOfTicket } from "../../../local/console/console-keys.ts";

const account = { accessKeyId: "AKIA", secretAccessKey: "secret" };
const run = "arn:aws:states:eu-central-1:000000000000:execution:Orchard:run-1";
const now = new Date("2026-11-29T10:59:00Z");

function later(minutes: number): Date {
  return new Date(now.getTime() + minutes * 60_000);
}

test("the link to a report opens it for at least an hour, and not for more than two", () => {
  const ticket = reportTicket(account, run, now);

  expect(runOfTicket(account, ticket, later(60))).toBe(run);
  expect(() => runOfTicket(account, ticket, later(121))).toThrow("expired");
});

test("the link stays the same within an hour, so that the page need not be drawn again", () => {
  const [first, second] = [reportTicket(account, run, later(2)), reportTicket(account, run, later(58))];

  expect(String(first)).toBe(String(second));
});

test.each([
  ["another run", { run: `${run}1` }],
  ["a later end", { expires: "999999999" }],
  ["no number as the end", { expires: "NaN" }],
  ["another ticket", { ticket: "x" }],
])("a link with %s opens nothing", (_change, change) => {
  const ticket = reportTicket(account, run, now);
  for (const [name, value] of Object.entries(change)) ticket.set(name, value);

  expect(() => runOfTicket(account, ticket, now)).toThrow("expired");
});

test("a link of another account opens nothing", () => {
  const ticket = reportTicket({ ...account, secretAccessKey: "other" }, run, now);

  expect(() => runOfTicket(account, ticket, now)).toThrow("expired");
});
