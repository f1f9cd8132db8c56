import { parse } from "@aws-sdk/util-arn-parser";
import { isWildcardOnlyAction, runSimulation } from "@cloud-copilot/iam-simulate";
import { z } from "zod";
import type { CheckResult } from "./check-result.ts";
import {
  type GrantedPermission,
  grantedUnseen,
  openToAll,
  refused,
  reviewedRoles,
  withoutPermission,
} from "./granted-permissions.ts";
import type { SynthesizedVariant } from "./synthesize.ts";

const list = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

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

/** A record of one account: the deployed roles by ARN, and the distinct calls that were made with them. */
const recordSchema = z.object({
  roles: z.record(
    z.string(),
    z.object({
      /** Logical id in the template, the same in every account. */
      logicalId: z.string(),
      policies: z.record(z.string(), z.unknown()),
    }),
  ),
  calls: z.array(callSchema),
});

export type AccountRecord = z.infer<typeof recordSchema>;
type Call = z.infer<typeof callSchema>;

/** @throws Error when the text is not a record */
export function parseRecord(text: string): AccountRecord {
  return recordSchema.parse(JSON.parse(text));
}

/** One action on one resource of one statement of a role. */
interface Grant {
  readonly role: string;
  readonly action: string;
  readonly resource: string;
}

export interface CallsReport {
  readonly calls: number;
  readonly grants: number;
  /** Calls that AWS would refuse. */
  readonly denied: readonly string[];
  /** Grants that no call needed, and exceptions that apply to no grant. */
  readonly unused: readonly string[];
}

/** Removes the eight characters of a hash at the end of a logical id. */
function roleName(logicalId: string): string {
  return logicalId.replace(/[0-9A-F]{8}$/, "");
}

function applies(entry: GrantedPermission, { role, action, resource }: Grant): boolean {
  return entry.role.test(role) && entry.actions.includes(action) && (entry.resource?.test(resource) ?? true);
}

interface Caller {
  readonly role: string;
  readonly policies: readonly { readonly name: string; readonly policy: unknown }[];
}

/** The roles of an account by ARN. */
function callersOf({ roles }: AccountRecord): ReadonlyMap<string, Caller> {
  return new Map(
    Object.entries(roles).map(([arn, { logicalId, policies }]) => [
      arn,
      {
        role: roleName(logicalId),
        policies: Object.entries(policies).map(([name, document]) => ({ name, policy: document })),
      },
    ]),
  );
}

/** The grants of a role, by "role policy statement action resource". */
function grantsOf({ role, policies }: Caller): readonly (readonly [string, Grant])[] {
  return policies.flatMap(({ name, policy }) =>
    policySchema
      .parse(policy)
      .Statement.flatMap(({ Action: actions, Resource }, at) =>
        actions.flatMap((action) =>
          list
            .parse(Resource)
            .map(
              (resource, index) =>
                [`${role} ${name} ${at + 1} ${action} ${index}`, { role, action, resource }] as const,
            ),
        ),
      ),
  );
}

/** Lists the grants that no call used, and the exceptions that no grant needs. */
function findUnused(grants: ReadonlyMap<string, Grant>, used: ReadonlySet<string>): readonly string[] {
  const unseen = [...grants].filter(([key]) => !used.has(key)).map(([, grant]) => grant);
  const unused = unseen
    .filter((grant) => !grantedUnseen.some((entry) => applies(entry, grant)))
    .map(({ role, action, resource }) => `${role}: no test needs ${action} on ${resource}`);
  const stale = grantedUnseen.flatMap((entry) =>
    entry.actions
      .filter((action) => !unseen.some((grant) => grant.action === action && applies(entry, grant)))
      .map((action) => `${entry.role}: ${action} is an exception, but it is used or not granted`),
  );
  return [...unused, ...stale];
}

/** Evaluates every recorded call under the policies of its role, and finds the grants that no call used. */
export async function checkCalls(records: readonly AccountRecord[]): Promise<CallsReport> {
  const grants = new Map<string, Grant>();
  const used = new Set<string>();
  const denied = new Set<string>();
  let count = 0;
  for (const record of records) {
    const callers = callersOf(record);
    for (const caller of callers.values()) {
      if (caller.role in reviewedRoles) continue;
      for (const [key, grant] of grantsOf(caller)) grants.set(key, grant);
    }
    for (const call of record.calls) {
      if (call.role === null || withoutPermission.includes(call.action)) continue;
      count += 1;
      const caller = callers.get(call.role);
      if (caller === undefined) {
        denied.add(`${call.role} is not a role of the stack: ${call.action} on ${call.resource}`);
        continue;
      }
      const needed = await grantsFor(call, caller.policies);
      for (const grant of needed) used.add(`${caller.role} ${grant}`);
      if (needed.length === 0 && !refused.some((entry) => applies(entry, { ...call, role: caller.role }))) {
        denied.add(`${caller.role}: ${call.action} on ${call.resource}, with ${JSON.stringify(call.context)}`);
      }
    }
  }
  return { calls: count, grants: grants.size, denied: [...denied], unused: findUnused(grants, used) };
}

/** Returns the grants that allow a call, as "policy statement action resource"; none when the call is denied. */
async function grantsFor(
  { role, action, resource, context }: Call,
  identityPolicies: readonly { readonly name: string; readonly policy: unknown }[],
): Promise<readonly string[]> {
  const accountId = role === null ? "" : parse(role).accountId;
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

const templateRoleSchema = z.object({ Properties: z.object({ ManagedPolicyArns: z.array(z.unknown()).optional() }) });
const templatePolicySchema = z.object({
  Properties: z.object({ PolicyDocument: policySchema, Roles: z.array(z.object({ Ref: z.string() })).optional() }),
});

/** One statement of a policy in a template, with the name of the role that has it. */
interface RoleStatement {
  readonly role: string;
  readonly actions: readonly string[];
  readonly resource: unknown;
}

function statementsOf({ template }: SynthesizedVariant["templates"][number]): readonly RoleStatement[] {
  return Object.values(template.findResources("AWS::IAM::Policy")).flatMap((policy) => {
    const { PolicyDocument: document, Roles: roles = [] } = templatePolicySchema.parse(policy).Properties;
    return roles.flatMap(({ Ref }) =>
      document.Statement.map(({ Action, Resource }) => ({ role: roleName(Ref), actions: Action, resource: Resource })),
    );
  });
}

function managedPoliciesOf({ template }: SynthesizedVariant["templates"][number]) {
  return Object.entries(template.findResources("AWS::IAM::Role")).flatMap(([id, role]) =>
    (templateRoleSchema.parse(role).Properties.ManagedPolicyArns ?? []).map((arn) => ({
      role: roleName(id),
      policy: /policy\/([\w/-]+)/.exec(JSON.stringify(arn))?.[1] ?? "",
    })),
  );
}

function isReviewed(role: string, action: string): boolean {
  return reviewedRoles[role]?.some(({ actions }) => actions.includes(action)) ?? false;
}

/** Lists the exceptions and the reviewed actions that are not in any policy. */
function findStale(seen: ReadonlySet<unknown>): readonly string[] {
  const stale = openToAll.filter((entry) => !seen.has(entry));
  return [
    ...stale.map(({ actions }) => `${actions} on * is an exception, but not granted`),
    ...Object.entries(reviewedRoles).flatMap(([role, entries]) =>
      entries
        .flatMap(({ actions }) => actions)
        .filter((action) => !seen.has(`${role} ${action}`))
        .map((action) => `${role}: ${action} is reviewed, but not granted`),
    ),
  ];
}

/**
 * Checks the policies without recorded calls. It looks for wildcards, and compares the roles whose calls no test sees
 * with the permissions that were reviewed.
 *
 * @param complete whether these are all variants: an exception that none of them needs is then a finding
 */
export async function leastPrivilege(
  all: readonly SynthesizedVariant[],
  { complete }: { readonly complete: boolean },
): Promise<CheckResult> {
  const findings = new Set<string>();
  const seen = new Set<unknown>();
  const wildcardOnly = new Set<string>();
  const templates = all.flatMap((variant) => variant.templates);
  for (const { role, policy } of templates.flatMap(managedPoliciesOf)) {
    if (!isReviewed(role, policy)) findings.add(`${role} has ${policy}, which is not reviewed`);
    seen.add(`${role} ${policy}`);
  }
  const statements = templates.flatMap(statementsOf);
  const grants = statements.flatMap(({ role, actions, resource }) =>
    actions.map((action) => ({ role, action, onAll: [resource].flat().includes("*") })),
  );
  for (const { role, action, onAll } of grants) {
    seen.add(`${role} ${action}`);
    const [service = "", name = ""] = action.split(":");
    if (action.includes("*")) findings.add(`${role}: ${action} is a wildcard`);
    else if (onAll) {
      const exception = openToAll.find((entry) => applies(entry, { role, action, resource: "*" }));
      if (await isWildcardOnlyAction(service, name)) wildcardOnly.add(action);
      else if (exception) seen.add(exception);
      else findings.add(`${role}: ${action} on *, and AWS supports a finer resource`);
    }
    if (role in reviewedRoles && !isReviewed(role, action)) findings.add(`${role}: ${action}, which is not reviewed`);
  }
  const distinctGrants = new Set(grants.map(({ role, action }) => `${role} ${action}`));
  const distinctStatements = new Set(statements.map((statement) => JSON.stringify(statement)));
  return {
    check: "least privilege",
    scope: [
      `${distinctGrants.size} actions of roles in ${distinctStatements.size} statements`,
      `on * because IAM supports no resource for them: ${[...wildcardOnly].sort().join(", ")}`,
      ...openToAll.map(({ actions, reason }) => `on * by exception: ${actions.join(", ")}: ${reason}`),
    ].join("\n    "),
    findings: [...findings, ...(complete ? findStale(seen) : [])],
  };
}
