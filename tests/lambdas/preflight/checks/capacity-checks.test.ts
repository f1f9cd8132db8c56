import { type DescribeInstanceTypesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { type GetServiceQuotaCommand, ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { expect, test } from "vitest";
import type { ClusterPlan } from "../../../../lambdas/contract/cluster-plan.ts";
import { capacityChecks } from "../../../../lambdas/preflight/checks/capacity-checks.ts";
import { type CheckOutcome, runChecks } from "../../../../lambdas/preflight/checks/run-checks.ts";
import { namedError } from "../../../doubles/deployment.ts";
import { aPlan } from "../../fixtures.ts";

const fleet = ["m5.xlarge", "m6i.xlarge", "m5a.xlarge"];
const spotCode = "L-34B43A08";
const onDemandCode = "L-1216C47A";

interface Account {
  readonly offered: readonly string[];
  /** Name of EC2's error for a type that is not offered; by default, the answer is empty. */
  readonly error?: string;
  /** vCPUs by the code of the quota. */
  readonly quotas: Readonly<Record<string, number>>;
}

const nodes = { primaryType: "m5.xlarge", coreType: "m5.xlarge" };
const roomy: Account = { offered: fleet, quotas: { [onDemandCode]: 1_000, [spotCode]: 1_000 } };

/** The checks of a cluster of m5.xlarge nodes, on demand, with changes: first its types, then the quotas. */
async function check(changes: Partial<ClusterPlan>, account: Partial<Account> = {}): Promise<readonly CheckOutcome[]> {
  const { offered, error, quotas } = { ...roomy, ...account };
  const describe = async ({ input: { InstanceTypes = [] } }: DescribeInstanceTypesCommand) => {
    const found = InstanceTypes.filter((type) => offered.includes(type));
    if (error !== undefined && found.length === 0) throw namedError(error);
    return { InstanceTypes: found.map((InstanceType) => ({ InstanceType })) };
  };
  const getQuota = async ({ input: { ServiceCode, QuotaCode = "" } }: GetServiceQuotaCommand) => {
    expect(ServiceCode).toBe("ec2");
    return { Quota: { Value: quotas[QuotaCode] } };
  };
  const clients = {
    ec2: Object.assign(new EC2Client({ region: "eu-west-1" }), { send: describe }),
    quotas: Object.assign(new ServiceQuotasClient({ region: "eu-west-1" }), { send: getQuota }),
  };
  const { cluster } = aPlan("data", {}, { coreCount: 1 });
  return runChecks(capacityChecks({ clients, cluster: { ...cluster, ...nodes, ...changes } }));
}

async function checkTypes(account: Partial<Account>, cluster: Partial<ClusterPlan> = {}): Promise<CheckOutcome> {
  const [types] = await check(cluster, account);
  if (types === undefined) throw new Error("There is no check of the instance types");
  return types;
}

async function checkQuotas(cluster: Partial<ClusterPlan>, quotas = roomy.quotas): Promise<CheckOutcome> {
  const [, quota] = await check(cluster, { quotas });
  if (quota === undefined) throw new Error("There is no check of the quotas");
  return quota;
}

test("a fleet needs only one of its types", async () => {
  expect(await checkTypes({})).toMatchObject({ name: "instance-types", ok: true, detail: fleet.join(", ") });
  expect(await checkTypes({ offered: ["m5a.xlarge"] })).toMatchObject({ ok: true, detail: "m5a.xlarge" });
  expect(await checkTypes({ offered: [] })).toMatchObject({
    ok: false,
    isWarning: false,
    detail: `Not offered in this region: ${fleet.join(", ")}`,
    remedy: expect.stringContaining('{"cluster": {"primaryType"'),
  });
});

test("each fleet needs a type, and the error names the fleet without one", async () => {
  const { instances } = aPlan("data", {}, { ...nodes, coreType: "r5.xlarge", coreCount: 1 }).cluster;

  expect(await checkTypes({ offered: fleet }, { instances })).toMatchObject({
    ok: false,
    detail: "Not offered in this region: r5.xlarge",
  });
  expect((await checkTypes({ offered: ["m5.xlarge", "r5.xlarge"] }, { instances })).ok).toBe(true);
});

test("EC2 may reject a type that the region does not offer; another error fails the check", async () => {
  const offered = ["m6i.xlarge"];

  expect(await checkTypes({ offered, error: "InvalidInstanceType" })).toMatchObject({ ok: true, detail: "m6i.xlarge" });
  expect(await checkTypes({ offered, error: "UnauthorizedOperation" })).toMatchObject({
    ok: false,
    detail: "UnauthorizedOperation: UnauthorizedOperation",
  });
});

test.each<[string, Partial<ClusterPlan>, number, number]>([
  ["one node", { coreCount: 0, maxCoreCount: 0 }, 4, 0],
  ["one node with Spot", { coreCount: 0, maxCoreCount: 4, market: "SPOT" }, 4, 0],
  ["the core nodes that managed scaling may add", { coreCount: 1, maxCoreCount: 4 }, 20, 0],
  ["more core nodes than managed scaling may add", { coreCount: 4, maxCoreCount: 2 }, 20, 0],
  ["larger core nodes", { coreType: "m5.2xlarge", coreCount: 2, maxCoreCount: 2 }, 20, 0],
  ["a larger primary node", { primaryType: "m5.4xlarge", coreCount: 1, maxCoreCount: 1 }, 20, 0],
  // All core nodes of the start may switch to on demand. At the largest size, all core nodes but one are Spot.
  ["core nodes with Spot", { coreCount: 2, maxCoreCount: 5, market: "SPOT" }, 12, 16],
  ["one core node with Spot", { coreCount: 1, maxCoreCount: 1, market: "SPOT" }, 8, 0],
])("counts the vCPUs of %s", async (_, cluster, onDemand, spot) => {
  const used = [[onDemandCode, onDemand] as const, ...(spot > 0 ? [[spotCode, spot] as const] : [])];

  // The quota may be used up.
  expect(await checkQuotas(cluster, { [onDemandCode]: onDemand, [spotCode]: spot })).toMatchObject({
    ok: true,
    detail: used.map(([code, vcpus]) => `${vcpus} of ${vcpus} vCPUs (${code})`).join(", "),
  });
  for (const [code, vcpus] of used) {
    expect(await checkQuotas(cluster, { ...roomy.quotas, [code]: vcpus - 1 })).toMatchObject({
      ok: false,
      detail: expect.stringContaining(`(${code}) allows ${vcpus - 1} vCPUs; the cluster may need ${vcpus}`),
    });
  }
});

test("a quota is a warning, also when it is not known", async () => {
  expect(await checkQuotas({}, {})).toMatchObject({
    name: "vcpu-quota",
    ok: false,
    isWarning: true,
    detail: `Error: Service Quotas returned no value for ${onDemandCode}`,
    remedy: expect.stringContaining("request-service-quota-increase"),
  });
});
