// US dollars without tax.

/** Region and date of all prices in the catalog. Other regions of the EU are up to 10 % more expensive. */
export const pricesRegion = "eu-west-1";
export const pricesDate = "2026-11-21";

/** gp3: 0.088 USD per GiB and month of 730 hours (aws.amazon.com/ebs/pricing). */
export const ebsUsdPerGiBHour = 0.088 / 730;

/** S3 Standard, US dollars per request (aws.amazon.com/s3/pricing). */
export const s3UsdPerGet = 0.0004 / 1000;
export const s3UsdPerPutOrList = 0.005 / 1000;

/** On-demand price of an instance family. Within a family the price is proportional to the number of vCPUs. */
export interface VcpuPrice {
  readonly ec2UsdPerVcpuHour: number;
  /** EMR's charge on top. */
  readonly emrUsdPerVcpuHour: number;
}

/**
 * On-demand Linux prices. EC2: aws.amazon.com/ec2/pricing/on-demand, as public tables copy it. EMR:
 * aws.amazon.com/emr/pricing, which is the same in all regions: a quarter of the EC2 price in us-east-1. Only m5.2xlarge
 * (0.428 + 0.096) has been confirmed by a bill. The tables have m7a, c7a, c7i and m8g in us-east-1 only (0.05796, 0.05132,
 * 0.044625 and 0.04488). Their EC2 prices here are multiplied by the ratio of eu-west-1 to us-east-1, 1.1146 for m5 and
 * 1.1294 for c5.
 */
export const familyPrices = {
  m5: { ec2UsdPerVcpuHour: 0.0535, emrUsdPerVcpuHour: 0.012 },
  m6i: { ec2UsdPerVcpuHour: 0.0535, emrUsdPerVcpuHour: 0.012 },
  m5a: { ec2UsdPerVcpuHour: 0.048, emrUsdPerVcpuHour: 0.01075 },
  m7i: { ec2UsdPerVcpuHour: 0.056175, emrUsdPerVcpuHour: 0.0126 },
  m7a: { ec2UsdPerVcpuHour: 0.0646, emrUsdPerVcpuHour: 0.01449 },
  c5: { ec2UsdPerVcpuHour: 0.048, emrUsdPerVcpuHour: 0.010625 },
  c7i: { ec2UsdPerVcpuHour: 0.0504, emrUsdPerVcpuHour: 0.01115625 },
  c7a: { ec2UsdPerVcpuHour: 0.05796, emrUsdPerVcpuHour: 0.01283 },
  r5: { ec2UsdPerVcpuHour: 0.0705, emrUsdPerVcpuHour: 0.01575 },
  m6g: { ec2UsdPerVcpuHour: 0.043, emrUsdPerVcpuHour: 0.009625 },
  m7g: { ec2UsdPerVcpuHour: 0.045475, emrUsdPerVcpuHour: 0.0102 },
  m8g: { ec2UsdPerVcpuHour: 0.05002, emrUsdPerVcpuHour: 0.01122 },
  c6g: { ec2UsdPerVcpuHour: 0.038, emrUsdPerVcpuHour: 0.0085 },
  c7g: { ec2UsdPerVcpuHour: 0.0387625, emrUsdPerVcpuHour: 0.0090625 },
  r6g: { ec2UsdPerVcpuHour: 0.05635, emrUsdPerVcpuHour: 0.0126 },
} as const satisfies Readonly<Record<string, VcpuPrice>>;
