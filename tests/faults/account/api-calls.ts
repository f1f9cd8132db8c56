import type { AccountRecord } from "../../../infra/check/least-privilege.ts";
import { iamActionsOf, s3ActionsOf } from "../../../local/support/iam-actions.ts";
import type { ApiCall, Service } from "./aws-protocols.ts";
import { account as accountId, type Deployed, region } from "./deployed.ts";
import type { HttpRequest } from "./sandbox.ts";

const signingNames: Partial<Record<Service, string>> = { emr: "elasticmapreduce", quotas: "servicequotas" };
const recorded = new Map<string, AccountRecord["calls"][number]>();

/** Records an API call with its IAM actions, each kind once, in the format of the embedded account. */
export function recordApiCall(
  role: string,
  { host, method, path, headers: given }: HttpRequest,
  { service, operation, input }: ApiCall,
  clusterTags: (id: string) => Readonly<Record<string, string>>,
): void {
  const headers = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]));
  const calls =
    service === "s3"
      ? s3ActionsOf({ method, url: `/${host.split(".")[0]}${path}`, headers })
      : iamActionsOf({ region, accountId, clusterTags }, signingNames[service] ?? service, operation, input);
  for (const { action, resource, context } of calls) {
    const call = { role, action, resource, context: context as Record<string, string | string[]> };
    recorded.set(JSON.stringify(call), call);
  }
}

/** Returns all calls that this process has recorded, and the policies against which to check them. */
export function recordedApiCalls({ roles }: Deployed): AccountRecord {
  return { roles, calls: [...recorded.values()] };
}
