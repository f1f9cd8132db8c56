// `orchard upload` that is interrupted, by the network or by the person.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { answerQuestions } from "../account/answer-question.ts";
import { type Answer, useAws } from "../terminal/aws-server.ts";
import { runInProcess } from "../terminal/in-process.ts";

const images = 20;
const aws = useAws();
let folder: string;
/** Number and md5 of the bytes of each object in the bucket. */
let stored: Map<string, { readonly bytes: number; readonly etag: string }>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "orchard-upload-"));
  mkdirSync(join(folder, "Training", "Apple"), { recursive: true });
  for (let index = 0; index < images; index += 1)
    writeFileSync(join(folder, "Training", "Apple", `${index}.jpg`), `image ${index}`);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  stored = new Map();
  aws.answers["List"] = list;
});

const list: Answer = (response) => {
  const contents = [...stored].map(
    ([key, { bytes, etag }]) =>
      `<Contents><Key>${key}</Key><Size>${bytes}</Size><ETag>&quot;${etag}&quot;</ETag></Contents>`,
  );
  response.writeHead(200, { "content-type": "text/xml" });
  response.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>`);
};

const put: Answer = (response, { url, body }) => {
  const key = new URL(url, aws.endpoint).pathname.slice("/data/".length);
  const etag = createHash("md5").update(body).digest("hex");
  stored.set(key, { bytes: body.length, etag });
  response.writeHead(200, { etag: `"${etag}"` }).end();
};

const reset: Answer = (response) => response.socket?.resetAndDestroy();

/** Stores a number of objects, and resets the connections of all later ones. */
function putAtMost(count: number): Answer {
  return (response, request) => (stored.size < count ? put : reset)(response, request);
}

it("an upload goes on when connections are reset for a moment", async () => {
  vi.stubEnv("AWS_MAX_ATTEMPTS", "3");
  const wasReset = new Set<string>();
  aws.answers["Put"] = (response, request) => {
    const isFirst = !wasReset.has(request.url);
    wasReset.add(request.url);
    (isFirst ? reset : put)(response, request);
  };

  const { exitCode, stdout, stderr } = await runInProcess("upload", folder, "--json");

  expect(exitCode, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ uploaded: images, unchanged: 0 });
  expect(wasReset.size).toBe(images);
});

it("an upload that loses the network says how many images are there and how to go on, and the same command uploads the others", async () => {
  aws.answers["Put"] = putAtMost(5);

  const lost = await runInProcess("upload", folder, "--json");

  expect(lost.exitCode).toBe(1);
  expect(lost.stdout).toBe("");
  expect(lost.stderr).toMatch(
    /^[^\n]*ECONNRESET[^\n]*\n[0-5] of 20 images were uploaded, each of them whole\. To go on: orchard [^\n]*$/,
  );
  expect(stored.size).toBe(5);

  aws.answers["Put"] = putAtMost(images);
  const { exitCode, stdout, stderr } = await runInProcess("upload", folder, "--json");

  expect(exitCode, stderr).toBe(0);
  const { uploaded, unchanged } = JSON.parse(stdout);
  // The server may have read some more of the first command's requests meanwhile.
  expect(unchanged).toBeGreaterThanOrEqual(5);
  expect(uploaded + unchanged).toBe(images);
  expect(stored.size).toBe(images);
});

it("an upload that Ctrl-C ends says how many images are there and how to go on, and the same command uploads the others", async () => {
  // The server keeps its other answers back, so that the upload cannot end before Ctrl-C.
  aws.answers["Put"] = (response, request) => stored.size < 5 && put(response, request);
  const env: Record<string, string> = { HOME: folder, NO_COLOR: "1" };
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && (name === "PATH" || name.startsWith("AWS_"))) env[name] = value;

  const { exitCode, stdout } = await answerQuestions(["upload", folder], [["5/20 images · ", "\u0003"]], env);

  expect(stdout).toContain("Interrupted: 5 of 20 images were uploaded, each of them whole");
  expect(stdout).toContain(`To go on: orchard upload ${folder}`);
  expect(exitCode).toBe(130);
  expect(stored.size).toBe(5);

  aws.answers["Put"] = put;
  const again = await runInProcess("upload", folder, "--json");

  expect(JSON.parse(again.stdout)).toMatchObject({ uploaded: 15, unchanged: 5 });
});
