/**
 * AWS's regions in the European Union (docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html). The
 * prefix "eu-" is not enough: eu-west-2 is London and eu-central-2 is Zurich.
 */
export const euRegions = [
  "eu-central-1",
  "eu-north-1",
  "eu-south-1",
  "eu-south-2",
  "eu-west-1",
  "eu-west-3",
  "eusc-de-east-1",
] as const;

export function isInEu(region: string): boolean {
  return euRegions.some((known) => known === region);
}
