// AWS as a server on this machine, which answers the requests of commands that run in the process of the test.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";

export interface AwsRequest {
  /** The operation. */
  readonly name: string;
  readonly url: string;
  readonly body: Buffer;
}

export type Answer = (response: ServerResponse, request: AwsRequest) => void;

export function xml(status: number, text: string): Answer {
  return (response) => response.writeHead(status, { "content-type": "text/xml" }).end(text);
}

export function json(status: number, content: unknown): Answer {
  return (response) =>
    response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(JSON.stringify(content));
}

export function queryError(status: number, code: string): Answer {
  return xml(status, `<ErrorResponse><Error><Code>${code}</Code><Message>says AWS</Message></Error></ErrorResponse>`);
}

const identity = xml(
  200,
  "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
);
const outputs = {
  StateMachineArn: "arn:aws:states:eu-west-1:123456789012:stateMachine:Orchard",
  DataBucketName: "data",
  InputPrefix: "data/raw/",
  TopicArn: "arn:aws:sns:eu-west-1:123456789012:Orchard",
};
const members = Object.entries(outputs).map(
  ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
);
const stack = xml(
  200,
  `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Orchard</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${members.join("")}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
);

/** Starts the server for all tests of a file. Before each test, it knows the caller and the stack alone. */
export function useAws() {
  const aws = { endpoint: "", answers: {} as Record<string, Answer>, requests: [] as AwsRequest[] };
  let server: Server;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks);
        const { url = "", method, headers } = request;
        const target = String(headers["x-amz-target"] ?? "").split(".")[1];
        const ofObject = method === "PUT" ? "Put" : "Get";
        const name =
          target ??
          new URLSearchParams(body.toString()).get("Action") ??
          (url.includes("list-type") ? "List" : ofObject);
        const answer = aws.answers[name];
        if (!answer) throw new Error(`The double has no answer to ${name}`);
        aws.requests.push({ name, url, body });
        answer(response, { name, url, body });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    aws.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    aws.answers = { GetCallerIdentity: identity, DescribeStacks: stack };
    aws.requests = [];
    for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
    for (const service of ["STS", "CLOUDFORMATION", "SFN", "S3", "COST_EXPLORER"])
      vi.stubEnv(`AWS_ENDPOINT_URL_${service}`, aws.endpoint);
    vi.stubEnv("AWS_REGION", "eu-west-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  return aws;
}
