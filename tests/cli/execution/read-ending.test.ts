import { SFNClient } from "@aws-sdk/client-sfn";
import { expect, test } from "vitest";
import { createClients } from "../../../cli/account/aws-clients.ts";
import { readEnding } from "../../../cli/execution/watch-execution.ts";
import { EmrDouble } from "../../doubles/emr.ts";

const execution = { runId: "run-1", arn: "arn:aws:states:eu-west-1:123456789012:execution:Orchard:run-1" };

/** Reads the ending of an execution whose states received these inputs. */
async function dataAfter(...inputs: readonly unknown[]): Promise<unknown> {
  const events = inputs.map((input) => ({ stateEnteredEventDetails: { input: JSON.stringify(input) } }));
  // The paginators of the SDK accept only instances of its client.
  const sfn: SFNClient = Object.assign(Object.create(SFNClient.prototype), {
    send: async () => ({ startDate: new Date(), events }),
  });
  const clients = { ...createClients({ AWS_REGION: "eu-west-1" }), emr: new EmrDouble().client, sfn };
  return (await readEnding(clients, execution)).data;
}

test("the state data is what the last state received", async () => {
  expect(await dataAfter({ mode: "mini" }, { input: { mode: "mini" } }, { input: {}, plan: {} })).toEqual({
    input: {},
    plan: {},
  });
});

test.each([[["no", "object"]], [{ plan: "looks like state data" }], [null]])(
  "an execution that was stopped in its first state has no state data, although its input was %j",
  async (input) => {
    expect(await dataAfter(input)).toEqual({});
  },
);
