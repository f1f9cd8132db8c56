import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { EMRClient, ListClustersCommand } from "@aws-sdk/client-emr";
import getPort from "get-port";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chromium, chromiumMissing } from "../chromium.ts";
import {
  aws,
  bashStep,
  clientConfig,
  createFunction,
  credentials,
  jobFlow,
  put,
  type TestAccount,
  testAccount,
} from "./account-fixtures.ts";

if (chromium === undefined) console.warn(`Skipped the attacks by a browser: ${chromiumMissing}`);

let account: TestAccount;
let server: Server;
let profile: string;
let page: string;
const port = await getPort();

beforeAll(async () => {
  if (chromium === undefined) return;
  account = await testAccount();
  profile = mkdtempSync(join(tmpdir(), "orchard-browser-"));
  server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html").end(page);
  }).listen(port, "127.0.0.1");
});

afterAll(async () => {
  server?.close();
  await account?.remove();
  if (profile) rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
});

/** Opens a page and returns its DOM at the end. The name attacker.test is rebound to loopback. */
async function open(url: string): Promise<string> {
  const options = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`, "--dump-dom"];
  const rebound = "--host-resolver-rules=MAP attacker.test 127.0.0.1";
  const { stdout } = await promisify(execFile)(chromium ?? "", [
    ...options,
    rebound,
    "--virtual-time-budget=10000",
    url,
  ]);
  return stdout;
}

test.skipIf(chromium === undefined)(
  "a page in Chromium, even with the access key, runs no function and no cluster and reads nothing",
  async () => {
    const file = join(account.directory, "invoked");
    const source = `import { writeFileSync } from "node:fs"; export const handler = async () => writeFileSync(${JSON.stringify(file)}, "");`;
    await createFunction(account, "attacked", source);
    await put(account, "data", { "secret.txt": "the secret" });
    const secretUrl = (await aws(account, "s3", "presign", "s3://data/secret.txt")).trim();
    const key = `X-Amz-Credential=${credentials(account).accessKeyId}/20260101/eu-central-1/lambda/aws4_request`;
    const rebound = `http://attacker.test:${new URL(account.endpoint).port}`;
    const requests = {
      console: [
        `${account.endpoint}/_orchard/console/api/overview`,
        { headers: { "x-orchard-console-key": new URLSearchParams(account.console.split("?")[1]).get("key") } },
      ],
      control: [`http://127.0.0.1:${port}/`, {}],
      read: [secretUrl, {}],
      invoke: [
        `${account.endpoint}/2015-03-31/functions/attacked/invocations?${key}`,
        { method: "POST", mode: "no-cors", body: "{}" },
      ],
      runJobFlow: [
        `${account.endpoint}/?${key}`,
        {
          method: "POST",
          headers: { "x-amz-target": "ElasticMapReduce.RunJobFlow" },
          body: JSON.stringify(jobFlow("attack", { Steps: [bashStep("attack", "true")] })),
        },
      ],
    };
    page = `<body><script type="module">
      const results = {};
      for (const [name, [url, options]] of Object.entries(${JSON.stringify(requests)})) {
        results[name] = await fetch(url, options).then((answer) => answer.type + " " + answer.status, (error) => error.name);
      }
      document.body.textContent = JSON.stringify(results);
    </script></body>`;

    const attacked = await open(`http://127.0.0.1:${port}/`);
    const visited = await open(secretUrl.replace(account.endpoint, rebound));

    expect(JSON.parse(/\{.*\}/.exec(attacked)?.[0] ?? "{}")).toEqual({
      console: "TypeError",
      control: "basic 200",
      read: "TypeError",
      invoke: "opaque 0",
      runJobFlow: "TypeError",
    });
    expect(visited).not.toContain("the secret");
    expect(existsSync(file)).toBe(false);
    expect((await new EMRClient(clientConfig(account)).send(new ListClustersCommand({}))).Clusters).toEqual([]);
  },
  120_000,
);
