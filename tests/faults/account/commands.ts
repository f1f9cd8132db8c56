import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import type { createClients } from "../../../cli/account/aws-clients.ts";
import type { applyChanges } from "../../../cli/deployment/apply-changes.ts";
import type { openDeployment } from "../../../cli/deployment/closed-deployment.ts";
import type { removeDeployment } from "../../../cli/deployment/remove-deployment.ts";
import type { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { root } from "../../../cli/toolchain/places.ts";
import type { Deployment } from "../scenarios/scenario.ts";
import { changedTemplate } from "./cloud-formation.ts";
import { account, bucket, region } from "./deployed.ts";
import { lambdaEnvironment, runInvocation } from "./lambda.ts";
import { type Host, load } from "./sandbox.ts";
import type { Simulation } from "./simulation.ts";

/** How a command ended: without a message it succeeded. */
export interface CommandEnd {
  readonly at: number;
  readonly message: string | undefined;
}

interface Module {
  readonly applyChanges: typeof applyChanges;
  readonly createClients: typeof createClients;
  readonly openDeployment: typeof openDeployment;
  readonly removeDeployment: typeof removeDeployment;
  readonly Lifetime: typeof Lifetime;
}

const stack = { StackName: "Orchard", StackStatus: "CREATE_COMPLETE" as const, CreationTime: new Date(0) };

let host: Host | undefined;
let loaded: Module | undefined;

/** Bundles the commands' code, so that the sandbox can give it virtual time and the simulated account. */
function loadCommands(current: Host): Module {
  host = current;
  if (loaded !== undefined) return loaded;
  const file = join(tmpdir(), `orchard-commands-${process.pid}.cjs`);
  if (!existsSync(file)) {
    const modules = [
      "account/aws-clients",
      "deployment/apply-changes",
      "deployment/closed-deployment",
      "deployment/remove-deployment",
      "terminal/lifetime",
    ];
    const contents = modules.map((name) => `export * from "./cli/${name}.ts";`).join("\n");
    const input = { contents, resolveDir: root, loader: "ts" } as const;
    buildSync({ stdin: input, outfile: file, bundle: true, format: "cjs", platform: "node", logLevel: "error" });
  }
  loaded = load<Module>(file, () => host ?? current, lambdaEnvironment);
  return loaded;
}

/** Runs a command. Its calls are recorded as calls of the given state. */
async function runCommand(
  simulation: Simulation,
  state: string,
  command: (module: Module) => Promise<void>,
): Promise<CommandEnd> {
  const module = loadCommands(simulation.host);
  const invocation = { caller: { execution: "", state }, role: "", sandbox: { failures: 0 }, isOver: false };
  return runInvocation(invocation, async () => {
    const message = await command(module).then(
      () => undefined,
      (error: Error) => error.message,
    );
    return { at: simulation.clock.now, message };
  });
}

/** Runs `destroy --yes --stop-running`, from the answer to its question on. */
export function destroy(simulation: Simulation): Promise<CommandEnd> {
  return runCommand(simulation, "destroy", ({ createClients, removeDeployment, Lifetime }) =>
    removeDeployment(
      new Lifetime(),
      {
        clients: createClients(),
        stateMachineArn: simulation.deployed.stateMachineArn,
        bucket,
        stacks: [stack],
        mayStop: true,
        lastSteps: [],
        sameCommand: "orchard destroy",
      },
      true,
    ),
  );
}

/** Runs `deploy --yes`, from the answer to its question on. The CDK only updates the stack. */
export function deployChanges(simulation: Simulation, deployment: Deployment): Promise<CommandEnd> {
  return runCommand(simulation, "deploy", async ({ applyChanges, createClients, Lifetime, openDeployment }) => {
    const clients = createClients();
    const cdk = {
      synth: async () => undefined,
      bootstrap: async () => undefined,
      templates: () => new Map([["Orchard", changedTemplate(deployment)]]),
      deploy: () => simulation.updateStack(),
    };
    const target = { clients, account, region, env: {} };
    const changes = { target, cdk, stacks: ["Orchard"], leftOver: [], mayStop: deployment.mayStop };
    await applyChanges(new Lifetime(), changes, true);
    await openDeployment(clients, bucket);
  });
}
