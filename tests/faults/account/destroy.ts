import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import type { createClients } from "../../../cli/account/aws-clients.ts";
import type { removeDeployment } from "../../../cli/deployment/remove-deployment.ts";
import type { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { root } from "../../../cli/toolchain/places.ts";
import { bucket } from "./deployed.ts";
import { lambdaEnvironment, runInvocation } from "./lambda.ts";
import { type Host, load } from "./sandbox.ts";
import type { Simulation } from "./simulation.ts";

/** How `destroy` ended: without a message it succeeded. */
export interface Destruction {
  readonly at: number;
  readonly message: string | undefined;
}

interface Module {
  readonly createClients: typeof createClients;
  readonly removeDeployment: typeof removeDeployment;
  readonly Lifetime: typeof Lifetime;
}

let host: Host | undefined;
let loaded: Module | undefined;

/** Bundles the command's code, so that the sandbox can give it virtual time and the simulated account. */
function loadCommand(current: Host): Module {
  host = current;
  if (loaded !== undefined) return loaded;
  const file = join(tmpdir(), `orchard-destroy-${process.pid}.cjs`);
  if (!existsSync(file)) {
    const contents = ["account/aws-clients", "deployment/remove-deployment", "terminal/lifetime"]
      .map((name) => `export * from "./cli/${name}.ts";`)
      .join("\n");
    const input = { contents, resolveDir: root, loader: "ts" } as const;
    buildSync({ stdin: input, outfile: file, bundle: true, format: "cjs", platform: "node", logLevel: "error" });
  }
  loaded = load<Module>(file, () => host ?? current, lambdaEnvironment);
  return loaded;
}

/** Runs `destroy --yes --stop-running`, from the answer to its question on. */
export async function destroy(simulation: Simulation): Promise<Destruction> {
  const { createClients, removeDeployment, Lifetime } = loadCommand(simulation.host);
  const caller = { execution: "", state: "destroy" };
  const invocation = { caller, role: "", sandbox: { failures: 0 }, isOver: false };
  return runInvocation(invocation, async () => {
    const removal = {
      clients: createClients(),
      stateMachineArn: simulation.deployed.stateMachineArn,
      bucket,
      stacks: [{ StackName: "Orchard", StackStatus: "CREATE_COMPLETE" as const, CreationTime: new Date(0) }],
      mayStop: true,
      lastSteps: [],
    };
    const message = await removeDeployment(new Lifetime(), removal, true).then(
      () => undefined,
      (error: Error) => error.message,
    );
    return { at: simulation.clock.now, message };
  });
}
