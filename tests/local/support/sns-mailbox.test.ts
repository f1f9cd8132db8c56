import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { SnsMailbox } from "../../../local/support/sns-mailbox.ts";

const port = await getPort();
const directory = mkdtempSync(join(tmpdir(), "orchard-mail-"));
const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
let requested: string[];
let server: Server;

beforeAll(() => {
  server = createServer(({ url = "" }, response) => {
    requested.push(url);
    response.writeHead(404).end();
  }).listen(port, "127.0.0.1");
});

afterEach(() => {
  vi.restoreAllMocks();
});
beforeEach(() => {
  requested = [];
});

afterAll(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

function open() {
  return new SnsMailbox({ directory, ministack: `http://127.0.0.1:${port}`, credentials, log: () => undefined });
}

function confirm(SubscribeURL: string) {
  return open().receive(JSON.stringify({ Type: "SubscriptionConfirmation", SubscribeURL }));
}

test("receive throws when MiniStack does not confirm the subscription", async () => {
  const answer = confirm(`http://localhost:${port}/?Action=ConfirmSubscription`);

  await expect(answer).rejects.toThrow("did not confirm the subscription: 404");
  expect(requested).toEqual(["/?Action=ConfirmSubscription"]);
});

test.each([
  `http://example.org:${port}/?Action=ConfirmSubscription`,
  `http://127.0.0.1:${port + 1}/`,
  `http://127.0.0.1:${port}//example.org/`,
  `http://127.0.0.1:${port}/\\example.org/`,
  `https://127.0.0.1:${port}/`,
  `http://127.0.0.1:${port}@example.org/`,
  "file:///etc/passwd",
  "//example.org/",
  "",
])("the SubscribeURL '%s' is refused and nothing is requested", async (url) => {
  await expect(confirm(url)).rejects.toThrow("is not a URL of this account");
  expect(requested).toEqual([]);
});

test("a mail that does not fit on the disk is refused, and the others can be read", async () => {
  const mailbox = open();
  await mailbox.receive(JSON.stringify({ Message: "first" }));
  vi.spyOn(Date, "now").mockReturnValue(1e12);
  symlinkSync("/dev/full", join(directory, "mail", "1000000000000-000002.json.new"));

  const second = mailbox.receive(JSON.stringify({ Message: "second" }));

  await expect(second).rejects.toThrow("ENOSPC");
  expect(mailbox.list()).toMatchObject([{ message: "first" }]);
});
