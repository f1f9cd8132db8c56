import { vi } from "vitest";

/** Runs a command in this process, as cli/main.ts does: a process of its own takes a second. */
export async function runInProcess(...args: readonly string[]) {
  const { Lifetime } = await import("../../../cli/terminal/lifetime.ts");
  const { loadProgram } = await import("../../../cli/load-program.ts");
  const { describeFailure } = await import("../../../cli/terminal/describe-failure.ts");
  // vitest handles the signals of this process.
  const signals = vi.spyOn(Lifetime.prototype, "watchSignals").mockReturnValue();
  const stdout = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    const program = await loadProgram(args[0]);
    const failure = await program.parseAsync(args, { from: "user" }).then(() => undefined, describeFailure);
    const [message, exitCode] = failure ?? ["", 0];
    return { exitCode, stdout: printed(stdout), stderr: `${printed(stderr)}${message}` };
  } finally {
    for (const spy of [signals, stdout, stderr]) spy.mockRestore();
  }
}

function printed({ mock }: { readonly mock: { readonly calls: readonly (readonly unknown[])[] } }): string {
  return mock.calls.map(([text]) => String(text)).join("");
}
