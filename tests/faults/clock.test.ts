import { expect, it } from "vitest";
import { Clock } from "./account/clock.ts";

const hour = 3_600_000;

it("advances from timer to timer, and ends after the last one", async () => {
  const clock = new Clock();
  const start = clock.now;
  const seen: number[] = [];
  clock.setTimeout(() => seen.push(clock.now - start), 20);
  clock.setTimeout(() => clock.setTimeout(() => seen.push(clock.now - start), 5), 10);

  await clock.run(() => false, start + hour);

  expect(seen).toEqual([15, 20]);
});

it("rejects if timers without delay follow one another endlessly", async () => {
  const clock = new Clock();
  function again(): void {
    clock.setTimeout(again, 0);
  }
  again();

  await expect(clock.run(() => false, clock.now + hour)).rejects.toThrow("Virtual time does not advance");
});

it("rejects with the error by which it is halted", async () => {
  const clock = new Clock();
  clock.setTimeout(() => clock.halt(new Error("too slow")), 1);

  await expect(clock.run(() => false, clock.now + hour)).rejects.toThrow("too slow");
});
