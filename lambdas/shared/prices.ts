/**
 * Instance types that a cluster may have. US dollars an hour, Linux, on demand, eu-west-1, and the charge that EMR
 * adds to each (aws.amazon.com/ec2/pricing/on-demand, aws.amazon.com/emr/pricing). Only m5.2xlarge is from a bill; the
 * others are list prices that nobody has compared with one. An estimate, not an invoice: no volumes, no tax, and Spot
 * counted at the on-demand price, which it does not exceed.
 */
export interface InstanceType {
  readonly vcpus: number;
  readonly ec2UsdPerHour: number;
  readonly emrUsdPerHour: number;
  /** Fits two executors of four cores and a driver (one and a driver on an xlarge) into what YARN has of the node. */
  readonly executorMemory: string;
  readonly executorMemoryOverhead: string;
}

const small = { executorMemory: "4g", executorMemoryOverhead: "2g" };
const medium = { executorMemory: "6g", executorMemoryOverhead: "3g" };
const compute = { executorMemory: "3g", executorMemoryOverhead: "1g" };

export const instanceTypes: Readonly<Record<string, InstanceType>> = {
  "m5.xlarge": { vcpus: 4, ec2UsdPerHour: 0.214, emrUsdPerHour: 0.048, ...small },
  "m5.2xlarge": { vcpus: 8, ec2UsdPerHour: 0.428, emrUsdPerHour: 0.096, ...medium },
  "m5.4xlarge": { vcpus: 16, ec2UsdPerHour: 0.856, emrUsdPerHour: 0.192, ...medium },
  "c5.2xlarge": { vcpus: 8, ec2UsdPerHour: 0.384, emrUsdPerHour: 0.085, ...compute },
  "r5.xlarge": { vcpus: 4, ec2UsdPerHour: 0.282, emrUsdPerHour: 0.063, ...medium },
  "r5.2xlarge": { vcpus: 8, ec2UsdPerHour: 0.564, emrUsdPerHour: 0.126, ...medium },
};

/** @throws Error for a type that is not in the table */
export const instanceType = (name: string): InstanceType => {
  const type = instanceTypes[name];
  if (!type) throw new Error(`No price for instance type ${name}; known: ${Object.keys(instanceTypes).join(", ")}`);
  return type;
};
