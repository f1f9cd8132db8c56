import { isWildcardOnlyAction, runSimulation } from "@cloud-copilot/iam-simulate";
import { z } from "zod";
import type { CheckResult, SynthesizedVariant } from "./checks.ts";
import {
  type GrantedPermission,
  grantedUnseen,
  openToAll,
  refused,
  reviewedRoles,
  withoutPermission,
} from "./granted-permissions.ts";

const list = z.union([z.string(), z.array(z.string())]).transform((one) => (Array.isArray(one) ? one : [one]));

const policySchema = z.object({
  Statement: z.array(
    z.object({
      Effect: z.string(),
      Action: list,
      Resource: z.unknown(),
      NotAction: z.undefined().optional(),
      NotResource: z.undefined().optional(),
    }),
  ),
});

const callSchema = z.object({
  role: z.string().nullable(),
  action: z.string(),
  resource: z.string(),
  context: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
});

/** What one account saw: the roles as they were deployed, by ARN, and every kind of call that was made under them. */
const recordSchema = z.object({
  roles: z.record(
    z.string(),
    z.object({
      /** Of the template: the same in every account. */
      logicalId: z.string(),
      policies: z.record(z.string(), z.unknown()),
    }),
  ),
  calls: z.array(callSchema),
});

export type AccountRecord = z.infer<typeof recordSchema>;
type Call = z.infer<typeof callSchema>;

/** @throws Error when it has another form */
export function parseRecord(text: string): AccountRecord {
  return recordSchema.parse(JSON.parse(text));
}

/** What a role may do to what: one action and one resource of one statement. */
interface Grant {
  readonly role: string;
  readonly action: string;
  readonly resource: string;
}

export interface Judgement {
  readonly calls: number;
  readonly grants: number;
  /** Calls that AWS would refuse. */
  readonly denied: readonly string[];
  /** Grants that no call needed, and entries of the table of exceptions that have nothing to except. */
  readonly unused: readonly string[];
}

/** Logical ids end with eight characters of a hash. */
function nameOf(logicalId: string): string {
  return logicalId.replace(/[0-9A-F]{8}$/, "");
}

function applies(entry: GrantedPermission, { role, action, resource }: Grant): boolean {
  return entry.role.test(role) && entry.actions.includes(action) && (entry.resource?.test(resource) ?? true);
}

/** Evaluates every call under the policies of its role, and counts what they grant beyond that. */
export async function judge(records: readonly AccountRecord[]): Promise<Judgement> {
  const grants = new Map<string, Grant>();
  const used = new Set<string>();
  const denied = new Set<string>();
  let calls = 0;
  for (const { roles, calls: made } of records) {
    const parsed = Object.entries(roles).map(([arn, { logicalId, policies }]) => {
      const named = Object.entries(policies).map(([name, document]) => ({ name, policy: document }));
      return [arn, { role: nameOf(logicalId), policies: named }] as const;
    });
    const byArn = new Map(parsed);
    for (const { role, policies } of byArn.values()) {
      if (role in reviewedRoles) continue;
      for (const { name, policy } of policies) {
        for (const [at, { Action: actions, Resource }] of policySchema.parse(policy).Statement.entries()) {
          for (const action of actions) {
            for (const [index, resource] of list.parse(Resource).entries()) {
              grants.set(`${role} ${name} ${at + 1} ${action} ${index}`, { role, action, resource });
            }
          }
        }
      }
    }
    for (const call of made) {
      if (call.role === null || withoutPermission.includes(call.action)) continue;
      calls += 1;
      const caller = byArn.get(call.role);
      if (caller === undefined) {
        denied.add(`${call.role} is no role of the stack: ${call.action} on ${call.resource}`);
        continue;
      }
      const needed = await grantsFor(call, caller.policies);
      for (const grant of needed) used.add(`${caller.role} ${grant}`);
      if (needed.length === 0 && !refused.some((entry) => applies(entry, { ...call, role: caller.role }))) {
        denied.add(`${caller.role}: ${call.action} on ${call.resource}, with ${JSON.stringify(call.context)}`);
      }
    }
  }
  const unseen = [...grants].filter(([key]) => !used.has(key)).map(([, grant]) => grant);
  const unused = unseen
    .filter((grant) => !grantedUnseen.some((entry) => applies(entry, grant)))
    .map(({ role, action, resource }) => `${role}: no test needs ${action} on ${resource}`);
  const stale = grantedUnseen.flatMap((entry) =>
    entry.actions
      .filter((action) => !unseen.some((grant) => grant.action === action && applies(entry, grant)))
      .map((action) => `${entry.role}: ${action} is excepted, and is used or not granted`),
  );
  return { calls, grants: grants.size, denied: [...denied], unused: [...unused, ...stale] };
}

/** The grants by which a call is allowed, as "policy statement action resource": none when it is denied. */
async function grantsFor(
  { role, action, resource, context }: Call,
  identityPolicies: readonly { readonly name: string; readonly policy: unknown }[],
): Promise<readonly string[]> {
  const accountId = role?.split(":")[4] ?? "";
  const simulated = await runSimulation(
    {
      request: {
        principal: role ?? "",
        action,
        resource: { resource, accountId },
        contextVariables: { ...context, "aws:SecureTransport": "true" },
      },
      identityPolicies: [...identityPolicies],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  if (simulated.resultType === "error")
    throw new Error(`${action} on ${resource}: ${JSON.stringify(simulated.errors)}`);
  if (simulated.overallResult !== "Allowed") return [];
  const results = simulated.resultType === "single" ? [simulated.result] : simulated.results;
  return results.flatMap(({ analysis }) =>
    (analysis.identityAnalysis?.allowStatements ?? []).flatMap(({ policyId, explain }) =>
      [explain.actions ?? []]
        .flat()
        .filter(({ matches }) => matches)
        .flatMap(({ action: granted }) =>
          [explain.resources ?? []]
            .flat()
            .flatMap(({ matches }, index) =>
              matches ? [`${policyId} ${explain.identifier} ${granted} ${index}`] : [],
            ),
        ),
    ),
  );
}

const templateRole = z.object({ Properties: z.object({ ManagedPolicyArns: z.array(z.unknown()).optional() }) });
const templatePolicy = z.object({
  Properties: z.object({ PolicyDocument: policySchema, Roles: z.array(z.object({ Ref: z.string() })).optional() }),
});

/** What can be said of the policies without a call: wildcards, and the roles whose calls are never seen here. */
export async function leastPrivilege(
  all: readonly SynthesizedVariant[],
  { complete }: { readonly complete: boolean },
): Promise<CheckResult> {
  const findings = new Set<string>();
  const met = new Set<unknown>();
  const statements = new Set<string>();
  const actions = new Set<string>();
  const onAll = new Set<string>();
  for (const { template } of all.flatMap(({ templates }) => templates)) {
    for (const [id, role] of Object.entries(template.findResources("AWS::IAM::Role"))) {
      for (const managed of templateRole.parse(role).Properties.ManagedPolicyArns ?? []) {
        const policy = /policy\/([\w/-]+)/.exec(JSON.stringify(managed))?.[1] ?? "";
        const known = reviewedRoles[nameOf(id)]?.find(({ actions: reviewed }) => reviewed.includes(policy));
        if (known === undefined) findings.add(`${nameOf(id)} has ${policy}, which nobody has reviewed`);
        met.add(`${nameOf(id)} ${policy}`);
      }
    }
    for (const policy of Object.values(template.findResources("AWS::IAM::Policy"))) {
      const { PolicyDocument: document, Roles: refs = [] } = templatePolicy.parse(policy).Properties;
      for (const role of refs.map(({ Ref }) => nameOf(Ref))) {
        for (const { Action: granted, Resource: resource } of document.Statement) {
          statements.add(`${role} ${granted} ${JSON.stringify(resource)}`);
          for (const action of granted) {
            actions.add(`${role} ${action}`);
            met.add(`${role} ${action}`);
            const [service = "", name = ""] = action.split(":");
            if (action.includes("*")) findings.add(`${role}: ${action} is a wildcard`);
            else if ([resource].flat().includes("*")) {
              const known = openToAll.find((entry) => applies(entry, { role, action, resource: "*" }));
              if (await isWildcardOnlyAction(service, name)) onAll.add(action);
              else if (known) met.add(known);
              else findings.add(`${role}: ${action} on *, and AWS has something finer`);
            }
            const reviewed = reviewedRoles[role];
            if (reviewed && !reviewed.some((entry) => entry.actions.includes(action))) {
              findings.add(`${role}: ${action}, which nobody has reviewed`);
            }
          }
        }
      }
    }
  }
  const stale = [
    ...openToAll
      .filter((entry) => !met.has(entry))
      .map(({ actions: named }) => `${named} on * is excepted, not granted`),
    ...Object.entries(reviewedRoles).flatMap(([role, entries]) =>
      entries
        .flatMap((entry) => entry.actions)
        .filter((action) => !met.has(`${role} ${action}`))
        .map((action) => `${role}: ${action} is reviewed, not granted`),
    ),
  ];
  return {
    judge: "least privilege",
    looked: [
      `${actions.size} actions of roles in ${statements.size} statements`,
      `on * because IAM has nothing finer: ${[...onAll].sort().join(", ")}`,
      ...openToAll.map(({ actions: named, reason }) => `on * in spite of that: ${named.join(", ")}: ${reason}`),
    ].join("\n    "),
    findings: [...findings, ...(complete ? stale : [])],
  };
}
