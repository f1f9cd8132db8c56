import { expect, it } from "vitest";
import { Clock } from "./account/clock.ts";

const hour = 3_600_000;

it("advances to each timer in turn, and ends when none is left", async () => {
  const clock = new Clock();
  const start = clock.now;
  const seen: number[] = [];
  clock.setTimeout(() => seen.push(clock.now - start), 20);
  clock.setTimeout(() => clock.setTimeout(() => seen.push(clock.now - start), 5), 10);

  await clock.run(() => false, start + hour);

  expect(seen).toEqual([15, 20]);
});

it("rejects when timers without a delay follow one another for ever", async () => {
  const clock = new Clock();
  function again(): void {
    clock.setTimeout(again, 0);
  }
  again();

  await expect(clock.run(() => false, clock.now + hour)).rejects.toThrow("Virtual time stands still");
});

it("rejects when it is halted", async () => {
  const clock = new Clock();
  clock.setTimeout(() => clock.halt(new Error("nobody waits")), 1);

  await expect(clock.run(() => false, clock.now + hour)).rejects.toThrow("nobody waits");
});
