import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AwsError, isObject } from "./aws-error.ts";

export interface Mail {
  readonly subject: string;
  readonly message: string;
  readonly timestamp: string;
  readonly topicArn: string;
}

/** A subscriber to any topic of the account: confirms its subscription and keeps what arrives. */
export class Mailbox {
  readonly #folder: string;
  readonly #ministack: string;

  constructor(folder: string, ministack: string) {
    this.#folder = folder;
    this.#ministack = ministack;
    mkdirSync(folder, { recursive: true });
  }

  /** Takes what SNS posts to an http subscriber. */
  async receive(body: string): Promise<object> {
    let post: unknown;
    try {
      post = JSON.parse(body);
    } catch {
      throw new AwsError("BadRequest", "This is not what SNS posts to a subscriber: it is no JSON.");
    }
    if (!isObject(post)) {
      throw new AwsError("BadRequest", "This is not what SNS posts to a subscriber: it is no JSON object.");
    }
    const text = (name: string) => String(post[name] ?? "");
    if (post["Type"] === "SubscriptionConfirmation") {
      // Only MiniStack's path counts: the URL names the host that MiniStack believes to be.
      const url = new URL(text("SubscribeURL"));
      const response = await fetch(new URL(url.pathname + url.search, this.#ministack));
      if (!response.ok) {
        throw new AwsError("ServiceUnavailable", `MiniStack did not confirm the subscription: ${response.status}`, 502);
      }
      return { confirmed: text("TopicArn") };
    }
    const mail: Mail = {
      subject: text("Subject"),
      message: text("Message"),
      timestamp: text("Timestamp"),
      topicArn: text("TopicArn"),
    };
    const order = `${Date.now()}-${String(readdirSync(this.#folder).length).padStart(6, "0")}`;
    writeFileSync(join(this.#folder, `${order}.json`), JSON.stringify(mail, null, 1));
    return { kept: true };
  }

  /** The mails, oldest first. */
  list(): readonly Mail[] {
    const files = readdirSync(this.#folder)
      .filter((name) => name.endsWith(".json"))
      .sort();
    return files.map((name) => JSON.parse(readFileSync(join(this.#folder, name), "utf8")));
  }
}
