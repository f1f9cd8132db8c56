import type { IncomingMessage } from "node:http";
import { AwsError } from "./aws-error.ts";
import { isSame, isSessionKeyId, type KeyPair, roleKeys, serviceToken, tokenHeader } from "./key-pair.ts";
import { credentialScope } from "./signed-request.ts";

/** The source of a call: a function or a state machine under its role, a service on its own, or a person at a terminal. */
export interface Caller {
  readonly source: "lambda" | "states" | "events" | "scheduler" | "terminal";
  /** The role's ARN; null for a call that no role's policies govern. */
  readonly role: string | null;
}

/** Finds the caller of a request by its access key, and refuses requests without a key of the account. */
export class Callers {
  readonly #account: KeyPair;
  readonly #token: string;
  readonly #roles = new Map<string, string>();

  constructor(account: KeyPair) {
    this.#account = account;
    this.#token = serviceToken(account);
  }

  /** Returns the credentials by which `find` recognizes the role. */
  credentials(role: string): KeyPair {
    const keys = roleKeys(this.#account, role);
    this.#roles.set(keys.accessKeyId, role);
    return keys;
  }

  /** Whether MiniStack or another process of the account sent the request, and not a person or a function. */
  isService(request: IncomingMessage): boolean {
    const token = request.headers[tokenHeader];
    return typeof token === "string" && isSame(token, this.#token);
  }

  /** @throws AwsError InvalidClientTokenId when the request has no key of this account */
  find(request: IncomingMessage): Caller {
    if (this.isService(request)) {
      const { "x-orchard-source": source, "x-orchard-role": role } = request.headers;
      const isEvent = source === "events" || source === "scheduler";
      return isEvent ? { source, role: typeof role === "string" ? role : null } : { source: "terminal", role: null };
    }
    const { accessKeyId } = credentialScope(request);
    const role = this.#roles.get(accessKeyId);
    if (role !== undefined) return { source: "lambda", role };
    if (!this.#isOwn(accessKeyId) && !this.#hasBasicCredentials(request)) {
      throw new AwsError(
        "InvalidClientTokenId",
        "The request is not signed with the embedded account's access key. Run `orchard local up` and copy its export commands into this terminal.",
        403,
      );
    }
    return { source: "terminal", role: null };
  }

  /** Whether an id belongs to the account, or to a session of AssumeRole, which the CDK calls. */
  #isOwn(accessKeyId: string): boolean {
    return isSame(accessKeyId, this.#account.accessKeyId) || isSessionKeyId(this.#account, accessKeyId);
  }

  /** HTTP Basic authentication serves tools that do not sign, such as `curl -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"`. */
  #hasBasicCredentials({ headers }: IncomingMessage): boolean {
    const encoded = /^Basic (\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
    const { accessKeyId, secretAccessKey } = this.#account;
    return isSame(Buffer.from(encoded, "base64").toString(), `${accessKeyId}:${secretAccessKey}`);
  }
}
