import { select } from "@inquirer/prompts";
import type { Clients } from "../account/aws-clients.ts";
import { hasTerminal, isPromptExit } from "../terminal/confirm.ts";
import { Lifetime } from "../terminal/lifetime.ts";
import { describeGoesOn } from "./follow-run.ts";
import type { StartedRun } from "./running-cluster.ts";
import { showStop } from "./stop-run.ts";
import { isExecutionRunning, stopExecution } from "./watch-execution.ts";

/**
 * Decides about a run when the command that follows it is interrupted. At Ctrl-C, the person chooses whether to leave the
 * run running or to stop it. A second Ctrl-C, or a failure of the command, leaves it running. Where nobody can answer, an
 * interruption stops the run. Call this before the start.
 */
export function decideAtInterruption(lifetime: Lifetime, clients: Clients, run: StartedRun): void {
  let lastWords = describeGoesOn(run.runId);
  const end = async (): Promise<void> => {
    if (lifetime.interrupted && !(lifetime.isInterruptedByCtrlC && hasTerminal())) {
      await stopExecution(clients, run, true);
      return;
    }
    if (!(await isExecutionRunning(clients, run))) return;
    if (lifetime.interrupted && (await askWhatBecomes(run.runId)) === "stop") {
      lastWords = `${run.runId} may not be stopped yet. Stop it: orchard stop ${run.runId}`;
      // Use a new lifetime, because the command's own is over.
      const stopping = { ...run, status: "RUNNING", endedAt: undefined } as const;
      const { status } = await showStop(new Lifetime(), clients, stopping, false);
      lastWords = `${run.runId}: ${status}. Its cluster is gone.`;
    }
    process.stderr.write(`${lastWords}\n`);
  };
  lifetime.defer(end, () => process.stderr.write(`\n${lastWords}\n`));
}

async function askWhatBecomes(runId: string): Promise<"leave" | "stop"> {
  const choices = [
    { value: "leave", name: "Leave it running", description: "Ctrl-C does so, too" },
    { value: "stop", name: "Stop it, and terminate its cluster" },
  ] as const;
  try {
    return await select({ message: `What becomes of ${runId}?`, choices }, { output: process.stderr });
  } catch (error) {
    if (isPromptExit(error)) return "leave";
    throw error;
  }
}
