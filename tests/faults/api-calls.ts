import type { AccountRecord } from "../../infra/check/least-privilege.ts";
import { iamActionsOf, s3ActionsOf } from "../../local/support/iam-actions.ts";
import { account as accountId, type Deployed, region } from "./deployed.ts";
import type { HttpRequest } from "./sandbox.ts";
import type { Call, Service } from "./services.ts";

const signingNames: Partial<Record<Service, string>> = { emr: "elasticmapreduce", quotas: "servicequotas" };
const seen = new Map<string, AccountRecord["calls"][number]>();

/** Keeps what a function calls, each kind of call once, as the embedded account does. */
export function note(
  role: string,
  { host, method, path: url, headers: given }: HttpRequest,
  { service, operation, input }: Call,
  clusterTags: (id: string) => Readonly<Record<string, string>>,
): void {
  const headers = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]));
  const calls =
    service === "s3"
      ? s3ActionsOf({ method, url: `/${host.split(".")[0]}${url}`, headers })
      : iamActionsOf({ region, accountId, clusterTags }, signingNames[service] ?? service, operation, input);
  for (const { action, resource, context } of calls) {
    const call = { role, action, resource, context: context as Record<string, string | string[]> };
    seen.set(JSON.stringify(call), call);
  }
}

/** All that this process has noted, with the policies to judge it by. */
export function noted({ roles }: Deployed): AccountRecord {
  return { roles, calls: [...seen.values()] };
}
