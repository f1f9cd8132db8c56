import { beforeEach, expect } from "vitest";
import { clusterDefaultsSchema } from "../../../lambdas/contract/cluster-knobs.ts";
import type { Plan } from "../../../lambdas/contract/plan.ts";
import type { PreflightClients, PreflightConfig } from "../../../lambdas/preflight/preflight-context.ts";
import { preflight } from "../../../lambdas/preflight/run-preflight.ts";
import { PreflightFailed } from "../../../lambdas/runtime/errors.ts";
import { anExecution, createReadyAccount } from "../fixtures.ts";
import { startMinistack } from "../ministack.ts";

// A MiniStack for all tests of a file, and before each test a bucket, roles and artifacts that pass every check.
export const account = await startMinistack();
export let config: PreflightConfig;

beforeEach(async () => {
  config = await createReadyAccount(account);
});

export const input = { mode: "full", pca: { components: 2 } };

/** Runs Preflight on the account; by default with the input and the configuration that pass every check. */
export function run(
  given: unknown = input,
  changes: { config?: Partial<PreflightConfig>; clients?: Partial<PreflightClients>; name?: string } = {},
): Promise<Plan> {
  return preflight(
    { state: { input: given }, execution: anExecution(changes.name) },
    { ...config, ...changes.config },
    { ...account, ...changes.clients },
  );
}

/** The configuration of the clusters, with changes. */
export function defaults(changes: object): Pick<PreflightConfig, "CLUSTER_DEFAULTS"> {
  return {
    CLUSTER_DEFAULTS: clusterDefaultsSchema.parse(changes),
  };
}

/** Returns the real client, except that one command gets an answer that MiniStack cannot give. */
export function answering<Client extends { send: unknown }, Command>(
  client: Client,
  command: abstract new (...args: never[]) => Command,
  answer: (command: Command) => unknown,
): Client {
  const send = async (given: unknown): Promise<unknown> =>
    given instanceof command
      ? answer(given)
      : (client as unknown as { send: (command: unknown) => unknown }).send(given);
  // The SDK's paginators accept only an instance of the client's class.
  return Object.assign(Object.create(client), { send });
}

export function failing(name: string, message: string): () => never {
  return () => {
    throw Object.assign(new Error(message), { name });
  };
}

/** Returns the message of a PreflightFailed in which exactly one check failed. */
export async function findOnlyFailure(outcome: Promise<Plan>): Promise<string> {
  const error = await outcome.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PreflightFailed);
  const { message } = error as Error;
  expect(message).toMatch(/^1 of 19 checks failed: /);
  return message;
}
