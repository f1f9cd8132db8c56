import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { ListClustersCommand } from "@aws-sdk/client-emr";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { ListStateMachinesCommand } from "@aws-sdk/client-sfn";
import { ListTopicsCommand } from "@aws-sdk/client-sns";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Clients, createClients } from "../../../cli/account/aws-clients.ts";
import { removeDeployment } from "../../../cli/deployment/remove-deployment.ts";
import { describeFailure } from "../../../cli/terminal/describe-failure.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";

describe("an endpoint that accepts connections and never answers", () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  let clients: Clients;
  beforeAll(async () => {
    await once(server.listen(0, "127.0.0.1"), "listening");
    const env = {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "AKIA0000000000000000",
    };
    clients = createClients(env, { requestHandler: { socketTimeout: 20 }, maxAttempts: 2 });
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it.each([
    ["CloudFormation", () => clients.cloudFormation.send(new DescribeStacksCommand({}))],
    ["EMR", () => clients.emr.send(new ListClustersCommand({}))],
    ["S3", () => clients.s3.send(new GetObjectCommand({ Bucket: "bucket", Key: "key" }))],
    ["Step Functions", () => clients.sfn.send(new ListStateMachinesCommand({}))],
    ["SNS", () => clients.sns.send(new ListTopicsCommand({}))],
    ["STS", () => clients.sts.send(new GetCallerIdentityCommand({}))],
  ])("ends a request to %s in one message", async (_, send) => {
    const error: unknown = await send().then(
      () => undefined,
      (reason: unknown) => reason,
    );

    const [message, exitCode] = describeFailure(error);
    expect(message).toMatch(/^No answer from AWS \(TimeoutError: .*\)\. Check the network/);
    expect(message).not.toContain("\n");
    expect(exitCode).toBe(1);
  });

  it("ends destroy in an error that says what is not known", async () => {
    const removal = {
      clients,
      stateMachineArn: "arn:aws:states:eu-west-1:000000000000:stateMachine:Orchard",
      bucket: "bucket",
      stacks: [],
      mayStop: true,
      lastSteps: [],
      sameCommand: "orchard destroy",
    };

    await expect(removeDeployment(new Lifetime(), removal, true)).rejects.toThrow(
      /^New runs cannot be refused, so nothing was changed: .*TimeoutError[^\n]*\nIt is not known whether clusters are alive: TimeoutError/,
    );
  });
});
