import type { Architecture } from "./architectures.ts";
import { familyPrices } from "./prices.ts";

const vcpusOf = { xlarge: 4, "2xlarge": 8, "4xlarge": 16 } as const;
const allSizes = ["xlarge", "2xlarge", "4xlarge"] as const;
/** An xlarge of the compute families has 8 GiB, which leaves no room for an executor next to the driver. */
const withoutSmallest = ["2xlarge", "4xlarge"] as const;

/**
 * Memory in MiB that YARN may use on a node, by the node's GiB: yarn.nodemanager.resource.memory-mb in the EMR
 * Release Guide, "Task configuration" (docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-hadoop-task-config.html). The guide
 * has two values for each size: one for m5, m5a, c5 and r5, and a smaller one for m6g, c6g and r6g. Later families are
 * taken to have the smaller one, because the guide's public source (github.com/awsdocs/amazon-emr-release-guide, 2022) is
 * older.
 */
const yarnMiB = {
  larger: { 16: 12_288, 32: 24_576, 64: 57_344, 128: 122_880 },
  smaller: { 16: 11_712, 32: 23_424, 64: 54_272, 128: 116_736 },
} as const satisfies Readonly<Record<string, Readonly<Record<number, number>>>>;

interface Family {
  readonly architecture: Architecture;
  /** A hyperthread is half a core; the vCPUs of Graviton, m7a and c7a are whole cores. */
  readonly coresPerVcpu: 0.5 | 1;
  readonly gibPerVcpu: number;
  readonly yarn: keyof typeof yarnMiB;
  readonly sizes: readonly (keyof typeof vcpusOf)[];
  readonly computesBf16: boolean;
}

function family(
  architecture: Architecture,
  coresPerVcpu: Family["coresPerVcpu"],
  gibPerVcpu: number,
  yarn: Family["yarn"],
  sizes: Family["sizes"] = allSizes,
): Family {
  return { architecture, coresPerVcpu, gibPerVcpu, yarn, sizes, computesBf16: false };
}

/**
 * A family on which the job can compute in bf16: Sapphire Rapids has AMX, and Zen 4 has AVX-512 with bf16. Graviton 3 and 4
 * have bf16, too, but OpenVINO's wheels for arm64 need glibc 2.35, and Amazon Linux 2023 has 2.34.
 */
function withBf16(one: Family): Family {
  return { ...one, computesBf16: true };
}

/**
 * EMR 7.13 supports all of them, according to ListSupportedInstanceTypes. Cores and memory are from DescribeInstanceTypes.
 * github.com/getmoto/moto has recorded the answers to both: moto/emr/resources/instance-types-emr-7.13.0.json (2026-08-22)
 * and moto/ec2/resources/instance_types.json.
 */
const families: Readonly<Record<keyof typeof familyPrices, Family>> = {
  m5: family("x86_64", 0.5, 4, "larger"),
  m6i: family("x86_64", 0.5, 4, "smaller"),
  m5a: family("x86_64", 0.5, 4, "larger"),
  m7i: withBf16(family("x86_64", 0.5, 4, "smaller")),
  m7a: withBf16(family("x86_64", 1, 4, "smaller")),
  c5: family("x86_64", 0.5, 2, "larger", withoutSmallest),
  c7i: withBf16(family("x86_64", 0.5, 2, "smaller", withoutSmallest)),
  c7a: withBf16(family("x86_64", 1, 2, "smaller", withoutSmallest)),
  r5: family("x86_64", 0.5, 8, "larger"),
  m6g: family("arm64", 1, 4, "smaller"),
  m7g: family("arm64", 1, 4, "smaller"),
  m8g: family("arm64", 1, 4, "smaller"),
  c6g: family("arm64", 1, 2, "smaller", withoutSmallest),
  c7g: family("arm64", 1, 2, "smaller", withoutSmallest),
  r6g: family("arm64", 1, 8, "smaller"),
};

export interface InstanceType {
  readonly name: string;
  readonly architecture: Architecture;
  readonly vcpus: number;
  /** Physical cores. */
  readonly cores: number;
  readonly memoryGiB: number;
  /** Memory that YARN may use on a node for its containers. */
  readonly yarnMemoryMiB: number;
  /** Whether the job can compute in bf16 there, and gains by it. */
  readonly computesBf16: boolean;
  /** EC2 on demand. */
  readonly ec2UsdPerHour: number;
  /** EMR's charge on top. */
  readonly emrUsdPerHour: number;
}

function instanceTypesOf(familyName: keyof typeof familyPrices): readonly InstanceType[] {
  const { architecture, coresPerVcpu, gibPerVcpu, yarn, sizes, computesBf16 } = families[familyName];
  const { ec2UsdPerVcpuHour, emrUsdPerVcpuHour } = familyPrices[familyName];
  return sizes.map((size) => {
    const vcpus = vcpusOf[size];
    const memoryGiB = vcpus * gibPerVcpu;
    const yarnMemoryMiB = new Map(Object.entries(yarnMiB[yarn])).get(String(memoryGiB));
    if (yarnMemoryMiB === undefined) throw new Error(`YARN's memory on a node of ${familyName}.${size} is not known`);
    return {
      name: `${familyName}.${size}`,
      architecture,
      vcpus,
      cores: vcpus * coresPerVcpu,
      memoryGiB,
      yarnMemoryMiB,
      computesBf16,
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
