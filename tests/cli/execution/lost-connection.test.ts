import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { DescribeExecutionCommand, SFNClient } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { ConnectionReport, isConnectionLost, untilConnected } from "../../../cli/execution/lost-connection.ts";

function failure(name: string): Error {
  return Object.assign(new Error(`no ${name}`), { name });
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The error that the SDK throws for the answer of a service. */
async function errorFrom(endpoint: string): Promise<unknown> {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const sfn = new SFNClient({ region: "eu-west-1", endpoint, credentials, maxAttempts: 1 });
  return sfn.send(new DescribeExecutionCommand({ executionArn: "arn" })).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("isConnectionLost", () => {
  it.each([
    [503, "ServiceUnavailable", true],
    [500, "InternalFailure", true],
    [400, "ThrottlingException", true],
    [400, "ExecutionDoesNotExist", false],
    [403, "AccessDeniedException", false],
    [400, "ExpiredTokenException", false],
  ])("an answer %i %s counts as a lost connection: %s", async (status, __type, isLost) => {
    const server = createServer((_, response) => {
      response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(JSON.stringify({ __type }));
    });

    const error = await errorFrom(await listen(server));

    expect(error).toBeInstanceOf(Error);
    expect(isConnectionLost(error)).toBe(isLost);
    server.close();
  });

  it("includes a port where nobody listens and a name that does not exist", async () => {
    const server = createServer();
    const closed = await listen(server);
    server.close();

    expect(isConnectionLost(await errorFrom(closed))).toBe(true);
    expect(isConnectionLost(await errorFrom("http://states.invalid"))).toBe(true);
  });
});

describe("untilConnected", () => {
  const patience = { everyMs: 1, signal: new AbortController().signal };

  it("goes on trying while the network is down", async () => {
    const answers = [failure("TimeoutError"), failure("ThrottlingException"), "answer"];
    const lost: string[] = [];
    const read = async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    };

    const result = await untilConnected(read, { ...patience, onLost: ({ name }) => lost.push(name) });

    expect(result).toBe("answer");
    expect(lost).toEqual(["TimeoutError", "ThrottlingException"]);
  });

  it("does not try again after another error", async () => {
    const read = async () => Promise.reject(failure("AccessDeniedException"));

    await expect(untilConnected(read, { ...patience, onLost: () => expect.fail() })).rejects.toThrow("no Access");
  });
});

describe("ConnectionReport", () => {
  it("has one line for each loss, and one for each return", () => {
    const lines: string[] = [];
    const report = new ConnectionReport((line) => lines.push(line));

    report.answered();
    for (const name of ["TimeoutError", "TimeoutError"]) report.lost(failure(name));
    for (let poll = 0; poll < 2; poll += 1) report.answered();

    expect(lines).toEqual([
      "! No answer from AWS (TimeoutError: no TimeoutError). Trying again until there is one.",
      "AWS answers again.",
    ]);
  });
});
