import { DescribeInstanceTypesCommand, type EC2Client } from "@aws-sdk/client-ec2";
import { GetServiceQuotaCommand, type ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { isNamed } from "../../aws/errors.ts";
import { instanceType } from "../../catalog/instance-types.ts";
import { vcpuQuotas } from "../../catalog/vcpu-quotas.ts";
import type { ClusterPlan } from "../../contract/cluster-plan.ts";
import { fleetTypesOf } from "../../planning/cluster-shape.ts";
import { type CheckContext, CheckFailure, type CheckSpec } from "./run-checks.ts";

/** DescribeInstanceTypes rejects a type that the client's region does not offer. */
async function isOffered(ec2: EC2Client, type: string): Promise<boolean> {
  try {
    const command = new DescribeInstanceTypesCommand({ InstanceTypes: [type as "m5.xlarge"] });
    return ((await ec2.send(command)).InstanceTypes ?? []).some(({ InstanceType }) => InstanceType === type);
  } catch (error) {
    if (isNamed(error, "InvalidInstanceType")) return false;
    throw error;
  }
}

/** A fleet needs only one of its types. */
async function checkInstanceTypes(ec2: EC2Client, cluster: ClusterPlan): Promise<string> {
  const fleets = fleetTypesOf(cluster);
  const types = [...new Set(fleets.flat())];
  const answers = await Promise.all(types.map((type) => isOffered(ec2, type)));
  const offered = types.filter((_, index) => answers[index]);
  for (const fleet of fleets) {
    if (!fleet.some((type) => offered.includes(type)))
      throw new CheckFailure(`Not offered in this region: ${fleet.join(", ")}`);
  }
  return offered.join(", ");
}

type Market = ClusterPlan["market"];

/**
 * The primary node is always on demand; managed scaling may add core nodes up to maxCoreCount. With SPOT, one core node is
 * on demand. If EC2 has no Spot capacity, all nodes of coreCount are.
 */
function neededVcpus(cluster: ClusterPlan): Readonly<Record<Market, number>> {
  const { market, coreCount, maxCoreCount } = cluster;
  const most = coreCount === 0 ? 0 : Math.max(coreCount, maxCoreCount);
  const perNode = instanceType(cluster.coreType).vcpus;
  const primary = instanceType(cluster.primaryType).vcpus;
  return market === "SPOT" && most > 0
    ? { ON_DEMAND: primary + coreCount * perNode, SPOT: (most - 1) * perNode }
    : { ON_DEMAND: primary + most * perNode, SPOT: 0 };
}

/** Compares with the whole quota: the account's other instances share it, and this check does not count them. */
async function checkVcpuQuotas(quotas: ServiceQuotasClient, cluster: ClusterPlan): Promise<string> {
  const details: string[] = [];
  for (const [market, vcpus] of Object.entries(neededVcpus(cluster)) as [Market, number][]) {
    if (vcpus === 0) continue;
    const { code, name } = vcpuQuotas[market];
    const { Quota } = await quotas.send(new GetServiceQuotaCommand({ ServiceCode: "ec2", QuotaCode: code }));
    const allowed = Quota?.Value;
    if (allowed === undefined) throw new Error(`Service Quotas returned no value for ${code}`);
    if (allowed < vcpus)
      throw new CheckFailure(`${name} (${code}) allows ${allowed} vCPUs; the cluster may need ${vcpus}`);
    details.push(`${vcpus} of ${allowed} vCPUs (${code})`);
  }
  return details.join(", ");
}

/** Checks that EC2 offers the instances of a new cluster and that the account may run them. */
export function capacityChecks({
  clients: { ec2, quotas },
  cluster,
}: Pick<CheckContext, "cluster"> & {
  readonly clients: Pick<CheckContext["clients"], "ec2" | "quotas">;
}): readonly CheckSpec[] {
  return [
    {
      name: "instance-types",
      remedy: 'Choose others with {"cluster": {"primaryType": …, "coreType": …}}',
      run: () => checkInstanceTypes(ec2, cluster),
    },
    {
      name: "vcpu-quota",
      isWarning: true,
      remedy:
        "If EC2 refuses the nodes: aws service-quotas request-service-quota-increase --service-code ec2 --quota-code <code> --desired-value <vCPUs>, or ask for fewer with cluster.coreCount",
      run: () => checkVcpuQuotas(quotas, cluster),
    },
  ];
}
