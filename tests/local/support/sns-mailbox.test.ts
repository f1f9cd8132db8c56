import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { expect, test } from "vitest";
import { SnsMailbox } from "../../../local/support/sns-mailbox.ts";

test("receive throws when MiniStack does not confirm the subscription", async () => {
  const port = await getPort();
  const server = createServer((_request, response) => response.writeHead(404).end()).listen(port, "127.0.0.1");
  const folder = mkdtempSync(join(tmpdir(), "orchard-mail-"));
  const mailbox = new SnsMailbox(folder, `http://127.0.0.1:${port}`);
  const post = { Type: "SubscriptionConfirmation", SubscribeURL: "http://host/?Action=ConfirmSubscription" };

  const answer = mailbox.receive(JSON.stringify(post));

  await expect(answer).rejects.toThrow("did not confirm the subscription: 404");
  server.close();
  rmSync(folder, { recursive: true });
});
