import { appendFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { GetInstanceProfileCommand, GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import type { AccountContext } from "./account-context.ts";
import { errorText, isObject, type JsonObject } from "./aws-error.ts";
import type { Caller } from "./callers.ts";
import { type IamAction, type IamScope, iamActionsOf, s3ActionsOf } from "./iam-actions.ts";
import { credentialScope } from "./signed-request.ts";

/** A line of api-calls.jsonl: the facts that an evaluation of the role's policies needs. */
export interface ApiCall extends Caller, IamAction {
  /** ISO 8601. */
  readonly time: string;
  readonly account: string;
  readonly region: string;
}

/** Records API calls in api-calls.jsonl, each distinct call once, because .sync tasks poll often. */
export class CallRecorder {
  readonly #context: AccountContext;
  readonly #scope: IamScope;
  readonly #recorded = new Set<string>();

  /** @param clusterTags returns the tags of an EMR cluster; none for an unknown cluster */
  constructor(context: AccountContext, clusterTags: IamScope["clusterTags"]) {
    this.#context = context;
    this.#scope = { region: context.region, accountId: context.accountId, clusterTags };
  }

  /** @param service the signing name, e.g. elasticmapreduce */
  record(caller: Caller, service: string, operation: string, input: unknown): void {
    const members = isObject(input) ? input : {};
    for (const action of iamActionsOf(this.#scope, service, operation, members)) {
      this.#write(caller, action);
    }
    if (operation === "RunJobFlow" && caller.role !== null) {
      this.#recordPassRole(caller, members).catch((error: unknown) =>
        this.#context.log(`api-calls: the roles of ${String(members["Name"])} are unknown: ${errorText(error)}`),
      );
    }
  }

  /** Records a request that MiniStack answers. @param body the request's body, for other services than S3 */
  recordHttp(caller: Caller, request: IncomingMessage, body: string): void {
    const { service } = credentialScope(request);
    if (service === "s3") {
      for (const action of s3ActionsOf(request)) {
        this.#write(caller, action);
      }
      return;
    }
    const input = parseBody(body);
    const target = String(request.headers["x-amz-target"] ?? "");
    const operation = target.split(".").at(-1) || input["Action"];
    if (service !== "" && typeof operation === "string") {
      this.record(caller, service, operation, input);
    }
  }

  /** RunJobFlow passes two roles. Management guide, "Allow users and groups to create and modify roles". */
  async #recordPassRole(caller: Caller, { ServiceRole, JobFlowRole }: JsonObject): Promise<void> {
    const { ministack: endpoint, region, credentials } = this.#context;
    const iam = new IAMClient({ endpoint, region, credentials });
    const service = await iam.send(new GetRoleCommand({ RoleName: String(ServiceRole) }));
    const profile = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName: String(JobFlowRole) }));
    const passed = [
      ["elasticmapreduce.amazonaws.com", service.Role?.Arn],
      ["ec2.amazonaws.com", profile.InstanceProfile?.Roles?.[0]?.Arn],
    ] as const;
    for (const [principal, resource = "*"] of passed) {
      const context = { "iam:PassedToService": principal };
      this.#write(caller, { operation: "PassRole", action: "iam:PassRole", resource, context });
    }
  }

  #write(caller: Caller, action: IamAction): void {
    const { accountId: account, region, directory } = this.#context;
    // Omit the resources of calls from a terminal: no role governs them, and an upload of many images becomes one line.
    const shown = caller.source === "terminal" ? { ...action, resource: "*", context: {} } : action;
    const line = { ...caller, account, region, ...shown };
    const key = JSON.stringify(line);
    if (!this.#recorded.has(key)) {
      this.#recorded.add(key);
      const call: ApiCall = { time: new Date().toISOString(), ...line };
      try {
        appendFileSync(join(directory, "api-calls.jsonl"), `${JSON.stringify(call)}\n`);
      } catch (error) {
        // A full disk must not keep a call from being answered.
        this.#context.log(`api-calls: ${action.action} was not recorded: ${errorText(error)}`);
      }
    }
  }
}

/** Parses a body of the JSON protocols or of the query protocol. A malformed body is left for the service to refuse. */
function parseBody(body: string): JsonObject {
  try {
    const input: unknown = JSON.parse(body);
    return isObject(input) ? input : {};
  } catch {
    return Object.fromEntries(new URLSearchParams(body));
  }
}
