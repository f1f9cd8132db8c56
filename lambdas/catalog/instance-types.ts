/** A machine's instruction set: the wheels on the nodes are built for one of them. */
export const architectures = ["x86_64", "arm64"] as const;
export type Architecture = (typeof architectures)[number];

interface Family {
  readonly architecture: Architecture;
  readonly gibPerVcpu: number;
  readonly ec2UsdPerVcpuHour: number;
  readonly emrUsdPerVcpuHour: number;
  readonly sizes: readonly (keyof typeof vcpusOf)[];
}

/** Where the prices below hold, and when they were looked up. Other regions of the EU are up to a tenth dearer. */
export const pricesRegion = "eu-west-1";
export const pricesDate = "2026-11-21";

const vcpusOf = { xlarge: 4, "2xlarge": 8, "4xlarge": 16 } as const;
const all = ["xlarge", "2xlarge", "4xlarge"] as const;
/** An xlarge of these has 8 GiB: beside the driver no executor would fit. */
const withoutSmallest = ["2xlarge", "4xlarge"] as const;

/**
 * US dollars, Linux, on demand, without tax, a vCPU and hour: within a family the price goes by vCPU. EC2: the list of
 * aws.amazon.com/ec2/pricing/on-demand as public tables copy it. EMR: aws.amazon.com/emr/pricing, the same in all
 * regions, a quarter of what EC2 takes in us-east-1. Seen on a bill: m5.2xlarge (0.428 + 0.096). The rest is not.
 */
const families: Readonly<Record<string, Family>> = {
  m5: { architecture: "x86_64", gibPerVcpu: 4, ec2UsdPerVcpuHour: 0.0535, emrUsdPerVcpuHour: 0.012, sizes: all },
  m6i: { architecture: "x86_64", gibPerVcpu: 4, ec2UsdPerVcpuHour: 0.0535, emrUsdPerVcpuHour: 0.012, sizes: all },
  m5a: { architecture: "x86_64", gibPerVcpu: 4, ec2UsdPerVcpuHour: 0.048, emrUsdPerVcpuHour: 0.01075, sizes: all },
  c5: {
    architecture: "x86_64",
    gibPerVcpu: 2,
    ec2UsdPerVcpuHour: 0.048,
    emrUsdPerVcpuHour: 0.010625,
    sizes: withoutSmallest,
  },
  r5: { architecture: "x86_64", gibPerVcpu: 8, ec2UsdPerVcpuHour: 0.0705, emrUsdPerVcpuHour: 0.01575, sizes: all },
  m6g: { architecture: "arm64", gibPerVcpu: 4, ec2UsdPerVcpuHour: 0.043, emrUsdPerVcpuHour: 0.009625, sizes: all },
  m7g: { architecture: "arm64", gibPerVcpu: 4, ec2UsdPerVcpuHour: 0.045475, emrUsdPerVcpuHour: 0.0102, sizes: all },
  c6g: {
    architecture: "arm64",
    gibPerVcpu: 2,
    ec2UsdPerVcpuHour: 0.038,
    emrUsdPerVcpuHour: 0.0085,
    sizes: withoutSmallest,
  },
  r6g: { architecture: "arm64", gibPerVcpu: 8, ec2UsdPerVcpuHour: 0.05635, emrUsdPerVcpuHour: 0.0126, sizes: all },
};

export interface InstanceType {
  readonly name: string;
  readonly architecture: Architecture;
  readonly vcpus: number;
  readonly memoryGiB: number;
  /** EC2 on demand. */
  readonly ec2UsdPerHour: number;
  /** EMR's charge on top. */
  readonly emrUsdPerHour: number;
}

/** The instance types that a cluster may have. */
export const instanceTypes: Readonly<Record<string, InstanceType>> = Object.fromEntries(
  Object.entries(families).flatMap(([family, { architecture, gibPerVcpu, sizes, ...price }]) =>
    sizes.map((size) => {
      const name = `${family}.${size}`;
      const vcpus = vcpusOf[size];
      const ec2UsdPerHour = vcpus * price.ec2UsdPerVcpuHour;
      const emrUsdPerHour = vcpus * price.emrUsdPerVcpuHour;
      return [name, { name, architecture, vcpus, memoryGiB: vcpus * gibPerVcpu, ec2UsdPerHour, emrUsdPerHour }];
    }),
  ),
);

/** @throws Error for a type that is not in the table */
export function instanceType(name: string): InstanceType {
  const type = instanceTypes[name];
  if (!type) throw new Error(`No price for instance type ${name}; known: ${Object.keys(instanceTypes).join(", ")}`);
  return type;
}

/** What a node of a type costs in an hour, in US dollars: EC2 on demand and EMR's charge. */
export function usdPerNodeHour(name: string): number {
  const { ec2UsdPerHour, emrUsdPerHour } = instanceType(name);
  return ec2UsdPerHour + emrUsdPerHour;
}

/** gp3, 0.088 USD a GiB and month of 730 hours (aws.amazon.com/ebs/pricing). */
export const ebsUsdPerGiBHour = 0.088 / 730;

/** EMR's root volume, when the request gives no size: 15 GiB since emr-6.10 (Management Guide, "EBS root volume"). */
export const rootVolumeGiB = 15;

/** S3 Standard, US dollars a request (aws.amazon.com/s3/pricing). */
export const s3UsdPerGet = 0.0004 / 1000;
export const s3UsdPerPutOrList = 0.005 / 1000;
