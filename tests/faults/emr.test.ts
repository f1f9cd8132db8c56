import { emrContract } from "../local/emr/emr-contract.ts";
import { Clock } from "./account/clock.ts";
import { healthyBehavior } from "./account/cluster-lifecycle.ts";
import { Emr } from "./account/emr.ts";

const minute = 60_000;
const results: Readonly<Record<string, "COMPLETED" | "FAILED" | "HANGS">> = {
  "exit 0": "COMPLETED",
  "exit 1": "FAILED",
  "sleep 600": "HANGS",
};

emrContract("the simulation's EMR", async () => {
  const clock = new Clock();
  const emr = new Emr(clock, {
    ...healthyBehavior,
    start: ({ request }) => (request.BootstrapActions === undefined ? "READY" : "BOOTSTRAP_FAILURE"),
    step: (_cluster, { Config: { Args: args } }) => results[args.at(-1) ?? ""] ?? "FAILED",
  });
  return {
    call: async (operation, input) => structuredClone(emr.handle(operation, input)),
    until: async (read, done) => {
      let answer = await read();
      for (let turn = 0; !done(answer); turn += 1) {
        if (turn > 100) throw new Error(`Not within ${turn} minutes: ${JSON.stringify(answer)}`);
        clock.setTimeout(() => undefined, minute);
        await clock.run(() => false, clock.now + minute);
        answer = await read();
      }
      return answer;
    },
    stop: async () => undefined,
  };
});
