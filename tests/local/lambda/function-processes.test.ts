import { expect, onTestFinished, test, vi } from "vitest";
import type { FunctionProcess } from "../../../local/lambda/function-process.ts";
import { FunctionProcesses, idleSeconds } from "../../../local/lambda/function-processes.ts";

/** Returns a function that starts processes, and the processes that it has started. */
function starter() {
  const started: { readonly stopped: boolean; readonly process: FunctionProcess }[] = [];
  const start = (): FunctionProcess => {
    const ended = Promise.withResolvers<number>();
    const state = { stopped: false };
    const stop = (): Promise<number> => {
      state.stopped = true;
      ended.resolve(0);
      return ended.promise;
    };
    const process = { ended: ended.promise, stop } as FunctionProcess;
    started.push({
      process,
      get stopped() {
        return state.stopped;
      },
    });
    return process;
  };
  return { start, started };
}

test("a process that waits is taken again, and one that is taken or of another kind is not", () => {
  const processes = new FunctionProcesses();
  const { start, started } = starter();

  const first = processes.take("a", start);
  const second = processes.take("a", start);
  processes.keep("a", second);
  const other = processes.take("b", start);
  const third = processes.take("a", start);

  expect(second).not.toBe(first);
  expect(other).not.toBe(second);
  expect(third).toBe(second);
  expect(started).toHaveLength(3);
});

test("a process ends some time after its last call", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const processes = new FunctionProcesses();
  const { start, started } = starter();

  processes.keep("a", processes.take("a", start));
  await vi.advanceTimersByTimeAsync(idleSeconds * 1000 - 1000);
  const again = processes.take("a", start);
  await vi.advanceTimersByTimeAsync(idleSeconds * 2000);
  const duringCall = started.map(({ stopped }) => stopped);
  processes.keep("a", again);
  await vi.advanceTimersByTimeAsync(idleSeconds * 1000);

  expect(duringCall).toEqual([false]);
  expect(started.map(({ stopped }) => stopped)).toEqual([true]);
  expect(processes.take("a", start)).not.toBe(again);
});

test("a process that has ended by itself is not taken", async () => {
  const processes = new FunctionProcesses();
  const { start } = starter();
  const first = processes.take("a", start);
  processes.keep("a", first);

  await first.stop();

  expect(processes.take("a", start)).not.toBe(first);
});

test("stop ends the processes that wait and those that work", async () => {
  const processes = new FunctionProcesses();
  const { start, started } = starter();
  processes.keep("a", processes.take("a", start));
  processes.take("b", start);

  await processes.stop();

  expect(started.map(({ stopped }) => stopped)).toEqual([true, true]);
});
