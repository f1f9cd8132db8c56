import type { Architecture } from "./architectures.ts";
import { familyPrices } from "./prices.ts";

const vcpusOf = { xlarge: 4, "2xlarge": 8, "4xlarge": 16 } as const;
const allSizes = ["xlarge", "2xlarge", "4xlarge"] as const;
/** An xlarge of the compute families has 8 GiB, which leaves no room for an executor next to the driver. */
const withoutSmallest = ["2xlarge", "4xlarge"] as const;

/**
 * Memory in MiB that YARN may use on a node, by the node's GiB: yarn.nodemanager.resource.memory-mb in the EMR
 * Release Guide, "Task configuration" (docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-hadoop-task-config.html). The guide
 * has two values for each size: one for m5, m5a, c5 and r5, and a smaller one for m6g, c6g and r6g. m6i and m7g are taken
 * to have the smaller one, because the guide's public source (github.com/awsdocs/amazon-emr-release-guide, 2022) is older.
 */
const yarnMiB = {
  larger: { 16: 12_288, 32: 24_576, 64: 57_344, 128: 122_880 },
  smaller: { 16: 11_712, 32: 23_424, 64: 54_272, 128: 116_736 },
} as const satisfies Readonly<Record<string, Readonly<Record<number, number>>>>;

interface Family {
  readonly architecture: Architecture;
  readonly gibPerVcpu: number;
  readonly yarn: keyof typeof yarnMiB;
  readonly sizes: readonly (keyof typeof vcpusOf)[];
}

const families: Readonly<Record<keyof typeof familyPrices, Family>> = {
  m5: { architecture: "x86_64", gibPerVcpu: 4, yarn: "larger", sizes: allSizes },
  m6i: { architecture: "x86_64", gibPerVcpu: 4, yarn: "smaller", sizes: allSizes },
  m5a: { architecture: "x86_64", gibPerVcpu: 4, yarn: "larger", sizes: allSizes },
  c5: { architecture: "x86_64", gibPerVcpu: 2, yarn: "larger", sizes: withoutSmallest },
  r5: { architecture: "x86_64", gibPerVcpu: 8, yarn: "larger", sizes: allSizes },
  m6g: { architecture: "arm64", gibPerVcpu: 4, yarn: "smaller", sizes: allSizes },
  m7g: { architecture: "arm64", gibPerVcpu: 4, yarn: "smaller", sizes: allSizes },
  c6g: { architecture: "arm64", gibPerVcpu: 2, yarn: "smaller", sizes: withoutSmallest },
  r6g: { architecture: "arm64", gibPerVcpu: 8, yarn: "smaller", sizes: allSizes },
};

export interface InstanceType {
  readonly name: string;
  readonly architecture: Architecture;
  readonly vcpus: number;
  readonly memoryGiB: number;
  /** Memory that YARN may use on a node for its containers. */
  readonly yarnMemoryMiB: number;
  /** EC2 on demand. */
  readonly ec2UsdPerHour: number;
  /** EMR's charge on top. */
  readonly emrUsdPerHour: number;
}

function instanceTypesOf(family: keyof typeof familyPrices): readonly InstanceType[] {
  const { architecture, gibPerVcpu, yarn, sizes } = families[family];
  const { ec2UsdPerVcpuHour, emrUsdPerVcpuHour } = familyPrices[family];
  return sizes.map((size) => {
    const vcpus = vcpusOf[size];
    const memoryGiB = vcpus * gibPerVcpu;
    const yarnMemoryMiB = new Map(Object.entries(yarnMiB[yarn])).get(String(memoryGiB));
    if (yarnMemoryMiB === undefined) throw new Error(`YARN's memory on a node of ${family}.${size} is not known`);
    return {
      name: `${family}.${size}`,
      architecture,
      vcpus,
      memoryGiB,
      yarnMemoryMiB,
      ec2UsdPerHour: vcpus * ec2UsdPerVcpuHour,
      emrUsdPerHour: vcpus * emrUsdPerVcpuHour,
    };
  });
}

/** The instance types that a cluster may use, by name. */
export const instanceTypes: Readonly<Record<string, InstanceType>> = Object.fromEntries(
  (Object.keys(families) as (keyof typeof families)[]).flatMap(instanceTypesOf).map((type) => [type.name, type]),
);

/** @throws Error for a type that is not in the catalog */
export function instanceType(name: string): InstanceType {
  const type = instanceTypes[name];
  if (!type) throw new Error(`No price for instance type ${name}; known: ${Object.keys(instanceTypes).join(", ")}`);
  return type;
}

/** Hourly price of a node in US dollars: EC2 on demand plus EMR's charge. */
export function usdPerNodeHour(name: string): number {
  const { ec2UsdPerHour, emrUsdPerHour } = instanceType(name);
  return ec2UsdPerHour + emrUsdPerHour;
}

/** Root volume of a node when the request gives no size: 15 GiB since emr-6.10 (Management Guide, "EBS root volume"). */
export const rootVolumeGiB = 15;
