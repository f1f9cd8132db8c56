import { vi } from "vitest";

type Stream = "stdout" | "stderr";

interface Ended {
  readonly exitCode: number;
  readonly printed: readonly (readonly [stream: Stream, text: string])[];
  /** The text that cli/main.ts prints of an error, or nothing. */
  readonly message: string;
}

/** Runs a command in this process, as cli/main.ts does: a process of its own takes a second. */
export async function runInProcess(...args: readonly string[]) {
  const { exitCode, printed, message } = await run(args);
  const textOf = (stream: Stream) => printed.flatMap(([name, text]) => (name === stream ? text : [])).join("");
  return { exitCode, stdout: textOf("stdout"), stderr: `${textOf("stderr")}${message}` };
}

/** Runs a command as runInProcess does. @returns its output as a terminal shows it */
export async function showInProcess(...args: readonly string[]) {
  const { exitCode, printed, message } = await run(args);
  return { exitCode, output: `${printed.map(([, text]) => text).join("")}${message && `✖ ${message}`}` };
}

async function run(args: readonly string[]): Promise<Ended> {
  const { Lifetime } = await import("../../../cli/terminal/lifetime.ts");
  const { loadProgram } = await import("../../../cli/load-program.ts");
  const { describeFailure } = await import("../../../cli/terminal/describe-failure.ts");
  const before = { ...process.env };
  const printed: (readonly [Stream, string])[] = [];
  const spyOn = (stream: Stream) =>
    vi.spyOn(process[stream], "write").mockImplementation((text) => printed.push([stream, String(text)]) > 0);
  // vitest handles the signals of this process.
  const spies = [vi.spyOn(Lifetime.prototype, "watchSignals").mockReturnValue(), spyOn("stdout"), spyOn("stderr")];
  try {
    const program = await loadProgram(args[0]);
    const failure = await program.parseAsync(args, { from: "user" }).then(() => undefined, describeFailure);
    const [message, exitCode] = failure ?? ["", Number(process.exitCode ?? 0)];
    return { exitCode, printed, message };
  } finally {
    process.exitCode = undefined;
    // --profile and --region change the environment.
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
    for (const spy of spies) spy.mockRestore();
  }
}
