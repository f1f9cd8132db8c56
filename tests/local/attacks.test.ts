import { existsSync, readdirSync, statSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { EMRClient, ListClustersCommand } from "@aws-sdk/client-emr";
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { GetObjectCommand, ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { ListTopicsCommand, SNSClient } from "@aws-sdk/client-sns";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  bashStep,
  clientConfig,
  createFunction,
  credentials,
  jobFlow,
  mails,
  ministackOf,
  put,
  type TestAccount,
  testAccount,
} from "./account-fixtures.ts";

let account: TestAccount;
/** The addresses that an attacker can reach. */
let places: { readonly account: string; readonly MiniStack: string };

beforeAll(async () => {
  account = await testAccount();
  await createFunction(account, "echo", "export const handler = async (event) => event;");
  await put(account, "data", { "secret.txt": "secret" });
  places = { account: account.endpoint, MiniStack: await ministackOf(account, "echo") };
});

afterAll(() => account?.remove());

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Sends a request with any headers, which fetch does not allow. */
async function send(url: string, headers: Record<string, string>, method = "GET", body = ""): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  request(url, { method, headers }, async (response) => {
    resolve({ status: response.statusCode, headers: response.headers, body: await text(response) });
  })
    .on("error", reject)
    .end(body);
  return promise;
}

/** Returns a header that names an access key. The signature is not part of the rules. */
function signed(accessKeyId: string, service = "s3") {
  const scope = `${accessKeyId}/20260101/eu-central-1/${service}/aws4_request`;
  return { authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0` };
}

const runJobFlow = {
  "content-type": "text/plain",
  "x-amz-target": "ElasticMapReduce.RunJobFlow",
};
const attack = JSON.stringify(jobFlow("attack", { Steps: [bashStep("attack", "touch /tmp/orchard-attacked")] }));

describe.each(["account", "MiniStack"] as const)("the port of the %s", (place) => {
  test.each([
    ["another site", { origin: "https://example.org" }],
    ["a sandboxed frame", { origin: "null" }],
    ["another port of this machine", { origin: "http://127.0.0.1:1" }],
    ["another site, without Origin", { "sec-fetch-site": "cross-site" }],
    ["another port, without Origin", { "sec-fetch-site": "same-site" }],
    ["a name that was rebound to loopback", { host: "attacker.example.org" }],
    ["such a name with the port", { host: "attacker.example.org:4566" }],
    ["a name that begins like loopback", { host: "127.0.0.1.example.org" }],
    ["a bucket's host name", { host: "data.localhost" }],
  ])("refuses a page of %s, even with the access key", async (_page, headers) => {
    const { accessKeyId } = credentials(account);

    const answers = await Promise.all(
      ["GET", "POST", "OPTIONS"].map((method) => send(places[place], { ...signed(accessKeyId), ...headers }, method)),
    );

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(answers.flatMap((answer) => Object.keys(answer.headers)).join()).not.toContain("access-control");
  });

  test.each([
    ["no key", () => ({})],
    ["the usual test key", () => signed("test")],
    ["an account number as key", () => signed("000000000000")],
    ["the key of another account", () => signed("AKIAAAAAAAAAAAAAAAAA")],
    ["a key of a session that STS did not issue", () => signed(`ASIA${"0".repeat(36)}`)],
    ["a token that was guessed", () => ({ "x-orchard-token": "" })],
    ["a rule's header", () => ({ "x-orchard-source": "events" })],
    ["a wrong password", () => ({ authorization: `Basic ${btoa(`${credentials(account).accessKeyId}:x`)}` })],
  ])("refuses %s", async (_key, headers) => {
    const { body, status } = await send(`${places[place]}/data/secret.txt`, headers());

    expect(status).toBe(403);
    expect(body).toContain("embedded account's access key");
  });

  test("sends no CORS headers with an answer", async () => {
    const { status, headers } = await send(`${places[place]}/data`, signed(credentials(account).accessKeyId));

    expect(status).toBe(200);
    expect(Object.keys(headers).join()).not.toContain("access-control");
  });

  test("serves presigned URLs, and none with another key", async () => {
    const s3 = new S3Client({ ...clientConfig(account), endpoint: places[place], forcePathStyle: true });
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket: "data", Key: "secret.txt" }));

    expect((await send(url, {})).body).toBe("secret");
    expect((await send(url.replace(credentials(account).accessKeyId, "AKIAAAAAAAAAAAAAAAAA"), {})).status).toBe(403);
  });

  test("limits the size of a request", async () => {
    const headers = {
      ...signed(credentials(account).accessKeyId, "iam"),
      "content-type": "application/x-www-form-urlencoded",
    };

    const { status } = await send(places[place], headers, "POST", "x".repeat(73 * 2 ** 20));

    expect(status).toBe(413);
  });
});

describe("the console", () => {
  const path = "/_orchard/console";
  const header = "x-orchard-console-key";
  const key = () => new URLSearchParams(account.console.split("?")[1]).get("key") ?? "";
  const url = (place: string) => `${account.endpoint}${path}${place}`;

  test.each([
    ["another site", { origin: "https://example.org" }],
    ["a sandboxed frame, such as a report", { origin: "null" }],
    ["another port of this machine", { origin: "http://127.0.0.1:1" }],
    ["another name of this machine", { origin: "http://localhost:1" }],
    ["another site, without Origin", { "sec-fetch-site": "cross-site" }],
    ["another port, without Origin", { "sec-fetch-site": "same-site" }],
    ["a name that was rebound to loopback", { host: "attacker.example.org" }],
    ["such a name as its own origin", { host: "attacker.example.org", origin: "http://attacker.example.org" }],
  ])("refuses a page of %s, even with its key", async (_page, headers) => {
    const answers = await Promise.all([
      send(url(""), headers),
      send(url("/api/overview"), { ...headers, [header]: key() }),
      send(url("/api/StartExecution"), { ...headers, [header]: key() }, "POST", "{}"),
    ]);

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
  });

  test.each([
    ["no key", () => ({})],
    ["an empty key", () => ({ [header]: "" })],
    ["a guessed key", () => ({ [header]: "A".repeat(43) })],
    ["the account's access key", () => signed(credentials(account).accessKeyId)],
    ["the access key in place of its own", () => ({ [header]: credentials(account).accessKeyId })],
    ["its key as a cookie, which browsers send to every port", () => ({ cookie: `${header}=${key()}` })],
  ])("answers a request with %s neither data nor actions", async (_key, headers) => {
    const names = ["overview", "execution?arn=x", "events?arn=x", "log?cluster=j-1&step=s-1&file=stderr", "mails"];
    const answers = await Promise.all([
      ...names.map((name) => send(url(`/api/${name}`), headers())),
      ...["StartExecution", "StopExecution", "RedriveExecution"].map((name) =>
        send(url(`/api/${name}`), headers(), "POST", "{}"),
      ),
    ]);

    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 403));
  });

  test("answers its own page with its key", async () => {
    const headers = { [header]: key(), origin: account.endpoint, "sec-fetch-site": "same-origin" };

    const { status, body } = await send(url("/api/overview"), headers);

    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ account: { endpoint: account.endpoint }, executions: [] });
  });

  test("changes nothing by GET, and calls no other operation", async () => {
    const headers = { [header]: key() };

    const answers = [
      await send(url("/api/StartExecution"), headers),
      await send(url("/api/overview"), headers, "POST", "{}"),
      await send(url("/api/DeleteStateMachine"), headers, "POST", "{}"),
      await send(url("/api/__proto__"), headers, "POST", "{}"),
    ];

    expect(answers.map(({ status }) => status)).toEqual([405, 405, 404, 404]);
  });

  test.each([
    "cluster=..%2F..&step=s-1&file=stderr",
    "cluster=j-1&step=..&file=stderr",
    "cluster=j-1&step=s-1&file=..",
  ])("reads no file outside of the logs: %s", async (query) => {
    const { status, body } = await send(url(`/api/log?${query}`), { [header]: key() });

    expect([status, body]).toEqual([400, expect.stringContaining("Name a cluster")]);
  });

  test("has no frames, and runs only its own script", async () => {
    const { status, headers, body } = await send(url(""), {});

    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-security-policy": "frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
    expect(body).toMatch(
      /Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha/,
    );
    expect(body).not.toContain(key());
  });

  test("opens no report without the ticket of its link", async () => {
    const answers = [
      await send(url("/report"), { [header]: key() }),
      await send(url("/report?run=x&expires=9999999&ticket="), { [header]: key() }),
    ];

    expect(answers.map(({ status }) => status)).toEqual([403, 403]);
  });

  test("shares its origin with no stored HTML", async () => {
    const { body, headers } = await send(
      `${account.endpoint}/data/secret.txt`,
      signed(credentials(account).accessKeyId),
    );

    expect(body).toBe("secret");
    expect(headers["content-security-policy"]).toBe("sandbox allow-scripts allow-downloads");
  });
});

test("a request without the key starts no cluster and says how to get the key", async () => {
  const answers = [
    await send(account.endpoint, runJobFlow, "POST", attack),
    await send(account.endpoint, { ...runJobFlow, ...signed("test", "elasticmapreduce") }, "POST", attack),
  ];

  expect(answers.map(({ status }) => status)).toEqual([403, 403]);
  expect(JSON.parse(answers[0]?.body ?? "")).toMatchObject({ message: expect.stringContaining("orchard local up") });
  expect((await new EMRClient(clientConfig(account)).send(new ListClustersCommand({}))).Clusters).toEqual([]);
});

test.each([
  ["S3", (config) => new S3Client({ ...config, forcePathStyle: true }).send(new ListBucketsCommand())],
  ["STS", (config) => new STSClient(config).send(new GetCallerIdentityCommand())],
  ["SNS", (config) => new SNSClient(config).send(new ListTopicsCommand())],
  ["EMR", (config) => new EMRClient(config).send(new ListClustersCommand())],
  ["Lambda", (config) => new LambdaClient(config).send(new ListFunctionsCommand())],
] satisfies readonly (readonly [string, (config: ReturnType<typeof clientConfig>) => Promise<unknown>])[])(
  "an error of %s with another key says how to get the account's",
  async (_service, call) => {
    const config = clientConfig({ env: { ...account.env, AWS_ACCESS_KEY_ID: "test" } });

    await expect(call(config)).rejects.toThrow("Run `orchard local up`");
  },
);

test("a session of AssumeRole has a key that the account accepts", async () => {
  const role = { RoleArn: "arn:aws:iam::000000000000:role/any", RoleSessionName: "test" };
  const { Credentials } = await new STSClient(clientConfig(account)).send(new AssumeRoleCommand(role));

  const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = Credentials ?? {};
  const session = new STSClient({ ...clientConfig(account), credentials: { accessKeyId, secretAccessKey } });
  const identity = await session.send(new GetCallerIdentityCommand());

  expect(identity).toMatchObject({ Account: "000000000000", Arn: expect.stringContaining("assumed-role/any") });
});

test("the functions of a request without the key are not invoked", async () => {
  const { status } = await send(`${account.endpoint}/2015-03-31/functions/echo/invocations`, {}, "POST", "{}");

  expect(status).toBe(403);
});

test("nobody but SNS delivers mails, and nobody reads them without the key", async () => {
  const url = `${account.endpoint}/_orchard/mail`;
  const forged = JSON.stringify({ Type: "Notification", Subject: "forged", Message: "forged" });

  const answers = [
    await send(url, {}, "POST", forged),
    await send(url, signed(credentials(account).accessKeyId), "POST", forged),
    await send(url, {}),
  ];

  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
  expect(await mails(account)).toEqual([]);
});

test("nobody throttles EMR without the key", async () => {
  const { status } = await send(`${account.endpoint}/_orchard/throttle`, {}, "POST", "{}");

  expect(status).toBe(403);
});

test("MiniStack's own paths need the key", async () => {
  const paths = ["/_ministack/reset", "/_ministack/config", "/_ministack/health"];
  const answers = [];
  for (const place of Object.values(places)) {
    for (const path of paths) answers.push(await send(place + path, {}, "POST", "{}"));
  }

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 403));
});

test("a zip entry outside the function's folder is refused and not written", async () => {
  const handler = Buffer.from("export const handler = async () => 1;");
  const zip = zipSync({ "index.mjs": handler, "../../escaped.txt": Buffer.from("x") });
  await createFunction(account, "escaping", zip);

  const invocation = new LambdaClient(clientConfig(account)).send(new InvokeCommand({ FunctionName: "escaping" }));

  await expect(invocation).rejects.toThrow("'../../escaped.txt', which is outside its folder");
  expect(readdirSync(account.directory, { recursive: true }).join()).not.toContain("escaped.txt");
  expect(existsSync(join(dirname(account.directory), "escaped.txt"))).toBe(false);
});

test("other users of the machine can read neither the account's directory nor its credentials", () => {
  const modes = ["", "credentials.json"].map((name) => statSync(join(account.directory, name)).mode & 0o777);

  expect(modes).toEqual([0o700, 0o600]);
});
