import { SFNClient } from "@aws-sdk/client-sfn";
import type { SNSClient } from "@aws-sdk/client-sns";
import { emrClient } from "../../doubles/emr.ts";
import { Clock } from "../../faults/account/clock.ts";
import { Emr } from "../../faults/account/emr.ts";
import type { AwsRequest, Json } from "./aws-request.ts";

/** Converts times to seconds, as the JSON protocol does. */
function onTheWire(input: unknown): Json {
  return JSON.parse(
    JSON.stringify(input, function (this: Json, key, value) {
      return this[key] instanceof Date ? this[key].getTime() / 1000 : value;
    }),
  );
}

/** Converts times of an answer back to dates, as the SDK does. */
function fromTheWire(answer: unknown): Json {
  return JSON.parse(JSON.stringify(answer), (key, value) => (/DateTime$/.test(key) ? new Date(value * 1000) : value));
}

/** Creates clients that record every request. EMR's answers come from the fault simulation. */
export function recordingClients() {
  const requests: AwsRequest[] = [];
  const clock = new Clock();
  const emr = new Emr(clock);
  const call = (operation: string, input: unknown) => {
    requests.push({ service: "emr", operation, input: onTheWire(input) });
    return emr.handle(operation, onTheWire(input)) as Json;
  };
  const client = (service: AwsRequest["service"], answer: object) => ({
    send: async (command: Json) => {
      requests.push({ service, operation: operationOf(command), input: onTheWire(command.input) });
      return answer;
    },
  });
  return {
    requests,
    call,
    now: new Date(clock.now),
    /** Lets time pass until a new cluster is ready. */
    wait: () => clock.run(() => false, clock.now + 600_000),
    /** Creates a cluster without recording the request. */
    addCluster: (request: object) => emr.handle("RunJobFlow", request),
    emr: emrClient(async (command: Json) => fromTheWire(call(operationOf(command), command.input))),
    sns: client("sns", { MessageId: "m" }) as unknown as SNSClient,
    sfn: (answer: object) =>
      Object.assign(Object.create(SFNClient.prototype) as SFNClient, client("stepfunctions", answer)),
  };
}

function operationOf(command: object): string {
  return command.constructor.name.replace(/Command$/, "");
}
