import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { requestMinistack } from "../ministack/ministack-request.ts";
import type { AccountContext } from "./account-context.ts";
import { AwsError, isObject, type JsonObject } from "./aws-error.ts";
import { readJson, writeJson } from "./json-file.ts";

export interface Mail {
  readonly subject: string;
  readonly message: string;
  readonly timestamp: string;
  readonly topicArn: string;
}

type MailboxContext = Pick<AccountContext, "directory" | "ministack" | "credentials" | "log">;

/** An SNS http subscriber that confirms its subscriptions and stores the notifications. */
export class SnsMailbox {
  readonly #folder: string;
  readonly #context: MailboxContext;

  constructor(context: MailboxContext) {
    this.#context = context;
    this.#folder = join(context.directory, "mail");
    mkdirSync(this.#folder, { recursive: true });
  }

  /**
   * Handles one POST of SNS.
   * @throws AwsError BadRequest, ServiceUnavailable
   */
  async receive(body: string): Promise<object> {
    const post = parsePost(body);
    const text = (name: string) => String(post[name] ?? "");
    if (post["Type"] === "SubscriptionConfirmation") {
      await this.#confirm(text("SubscribeURL"));
      return { confirmed: text("TopicArn") };
    }
    const mail: Mail = {
      subject: text("Subject"),
      message: text("Message"),
      timestamp: text("Timestamp"),
      topicArn: text("TopicArn"),
    };
    const order = `${Date.now()}-${String(readdirSync(this.#folder).length).padStart(6, "0")}`;
    writeJson(join(this.#folder, `${order}.json`), mail);
    return { kept: true };
  }

  /** Returns the mails, oldest first. */
  list(): readonly Mail[] {
    const files = readdirSync(this.#folder)
      .filter((name) => name.endsWith(".json"))
      .sort();
    const mails = files.map((name) => readJson<Mail>(join(this.#folder, name), "message", this.#context.log));
    return mails.filter((mail) => mail !== undefined);
  }

  async #confirm(subscribeUrl: string): Promise<void> {
    const response = await requestMinistack(this.#context, subscribeUrl);
    if (!response.ok) {
      throw new AwsError("ServiceUnavailable", `MiniStack did not confirm the subscription: ${response.status}`, 502);
    }
  }
}

function parsePost(body: string): JsonObject {
  let post: unknown;
  try {
    post = JSON.parse(body);
  } catch {
    throw new AwsError("BadRequest", "The body of an SNS notification must be JSON.");
  }
  if (!isObject(post)) {
    throw new AwsError("BadRequest", "The body of an SNS notification must be a JSON object.");
  }
  return post;
}
