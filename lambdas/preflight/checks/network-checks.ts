import { DescribeKeyPairsCommand, DescribeSubnetsCommand, type EC2Client } from "@aws-sdk/client-ec2";
import { type CheckContext, CheckFailure, type CheckSpec } from "./run-checks.ts";

const emrPolicyTag = "for-use-with-amazon-emr-managed-policies";

/** Every subnet must fit, because EMR chooses one of them. */
async function checkSubnets(ec2: EC2Client, subnetIds: readonly string[], nodes: number): Promise<string> {
  if (subnetIds.length === 0) return "none configured: EMR uses the default VPC's";
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ SubnetIds: [...subnetIds] }));
  const details = subnetIds.map((subnetId) => {
    const subnet = Subnets.find(({ SubnetId }) => SubnetId === subnetId);
    if (!subnet) throw new CheckFailure(`There is no subnet ${subnetId}`);
    const free = subnet.AvailableIpAddressCount ?? 0;
    // AmazonEMRServicePolicy_v2 grants EMR no access to a subnet without this tag.
    if (!subnet.Tags?.some(({ Key, Value }) => Key === emrPolicyTag && Value === "true")) {
      throw new CheckFailure(`${subnetId} has no tag ${emrPolicyTag}=true, without which EMR may not use it`);
    }
    if (free < nodes) throw new CheckFailure(`${subnetId} has ${free} free addresses; the cluster needs ${nodes}`);
    return `${subnetId} in ${subnet.AvailabilityZone}, ${free} free addresses`;
  });
  return details.join("; ");
}

async function checkKeyPair(ec2: EC2Client, keyPair: string | null | undefined): Promise<string> {
  if (!keyPair) return "none configured";
  await ec2.send(new DescribeKeyPairsCommand({ KeyNames: [keyPair] }));
  return keyPair;
}

/** Checks the subnets and the key pair that a new cluster gets. */
export function networkChecks({ config, clients: { ec2 }, cluster }: CheckContext): readonly CheckSpec[] {
  const { subnetIds, keyPair } = config.CLUSTER_DEFAULTS;
  return [
    {
      name: "subnet",
      remedy: "Configure the stack with tagged subnets that have enough free addresses",
      run: () => checkSubnets(ec2, subnetIds, Math.max(cluster.coreCount, cluster.maxCoreCount) + 1),
    },
    {
      name: "key-pair",
      remedy: "Create the key pair, or remove keyPair from the stack's configuration",
      run: () => checkKeyPair(ec2, keyPair),
    },
  ];
}
