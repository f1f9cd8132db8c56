import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { expect, it } from "vitest";
import { root } from "../../../cli/toolchain/places.ts";
import { Network } from "../../../infra/constructs/network.ts";
import { configWith } from "../fixtures.ts";

interface Made {
  readonly template: Template;
  readonly network: Network;
}

function make(knobs: Readonly<Record<string, unknown>> = {}): Made {
  const stack = new Stack(new App(), "Test");
  const bucket = Bucket.fromBucketName(stack, "Bucket", "data");
  const network = new Network(stack, "Network", { config: configWith(knobs), bucket });
  return { template: Template.fromStack(stack), network };
}

/** Resources that are billed by the hour even without a cluster. */
const hourly = ["AWS::EC2::NatGateway", "AWS::EC2::EIP"];
const tag = { Tags: Match.arrayWith([{ Key: "for-use-with-amazon-emr-managed-policies", Value: "true" }]) };

it("creates private subnets in three zones without internet access or hourly costs", () => {
  const { template, network } = make();

  template.resourceCountIs("AWS::EC2::Subnet", 3);
  expect(network.subnetIds).toHaveLength(3);
  template.resourceCountIs("AWS::EC2::Route", 0);
  template.resourceCountIs("AWS::EC2::InternetGateway", 0);
  template.hasResourceProperties("AWS::EC2::VPCEndpoint", { VpcEndpointType: "Gateway" });
  template.resourceCountIs("AWS::EC2::VPCEndpoint", 1);
  for (const type of hourly) template.resourceCountIs(type, 0);
});

it("creates as many zones as the configuration asks for", () => {
  make({ zoneCount: 2 }).template.resourceCountIs("AWS::EC2::Subnet", 2);
});

it("tags the resources for which EMR's managed policy requires it, and none in which EMR could create resources", () => {
  const { template } = make();

  for (const type of ["AWS::EC2::VPC", "AWS::EC2::VPCEndpoint", "AWS::EC2::RouteTable"]) {
    expect(Object.keys(template.findResources(type, { Properties: tag }))).toEqual([]);
  }
  template.allResourcesProperties("AWS::EC2::Subnet", tag);
  template.allResourcesProperties("AWS::EC2::SecurityGroup", tag);
  template.resourceCountIs("AWS::EC2::SecurityGroup", 3);
});

interface Rule {
  readonly Properties: Readonly<Record<string, unknown>>;
}

function named(reference: unknown): string {
  return /Network(\w+?)[0-9A-F]{8}/.exec(JSON.stringify(reference))?.[1] ?? "?";
}

it("allows traffic between the security groups as EMR's own groups do, and no other", () => {
  const { template } = make();

  const rules = Object.values(template.findResources("AWS::EC2::SecurityGroupIngress")) as Rule[];
  const found = rules.map(({ Properties: rule }) => {
    const ports = rule["FromPort"] === undefined ? "" : ` ${rule["FromPort"]}-${rule["ToPort"]}`;
    return `${named(rule["SourceSecurityGroupId"])} to ${named(rule["GroupId"])}: ${rule["IpProtocol"]}${ports}`;
  });
  const all = ["tcp 0-65535", "udp 0-65535", "icmp -1--1"];
  const expected = ["Primary", "Core"].flatMap((to) => [
    ...["Primary", "Core"].flatMap((from) => all.map((ports) => `${from} to ${to}: ${ports}`)),
    `ServiceAccess to ${to}: tcp 8443-8443`,
  ]);
  expect(found.sort()).toEqual([...expected, "Primary to ServiceAccess: tcp 9443-9443"].sort());
  const groups = Object.values(template.findResources("AWS::EC2::SecurityGroup")) as Rule[];
  for (const { Properties } of groups) expect(Properties["SecurityGroupIngress"]).toBeUndefined();
});

it("has what EMR's guide asks of a private subnet for managed scaling and auto-termination, and no NAT gateway", () => {
  // docs.aws.amazon.com/emr/latest/ManagementGuide/emr-managed-scaling.html and emr-auto-termination-policy.html,
  // "Considerations": no interface endpoint of API Gateway, TCP 9443 from the primary to the service access group.
  const { template } = make();

  const [primary] = Object.values(
    template.findResources("AWS::EC2::SecurityGroup", {
      Properties: { GroupDescription: "Primary node of the clusters" },
    }),
  ) as Rule[];
  expect(primary?.Properties["SecurityGroupEgress"]).toMatchObject([{ CidrIp: "0.0.0.0/0", IpProtocol: "-1" }]);
  template.hasResourceProperties("AWS::EC2::SecurityGroupIngress", { FromPort: 9443, ToPort: 9443, IpProtocol: "tcp" });
  expect(JSON.stringify(template.findResources("AWS::EC2::VPCEndpoint"))).not.toContain("execute-api");
  const page = readFileSync(join(root, "docs/network.md"), "utf8").replaceAll(/\s+/g, " ");
  expect(page).toContain("Managed scaling and auto-termination need no NAT gateway by EMR's guide.");
  expect(/not available by default\*\*[^|]*/.exec(page)?.[0]).not.toMatch(/managed scaling|auto-termination/i);
});

it("limits the S3 endpoint to the data bucket and the buckets that a node needs to start", () => {
  const { template } = make();

  const [endpoint] = Object.values(template.findResources("AWS::EC2::VPCEndpoint")) as Rule[];
  const policy = JSON.stringify(endpoint?.Properties["PolicyDocument"]);
  expect(policy).not.toMatch(/"s3:\*"|"Resource":"\*"/);
  for (const name of [":s3:::data/*", "al2023-repos-", "repo.", "aws157-logs-prod"]) expect(policy).toContain(name);
  // The persistent UI needs the event logs in HDFS, and they are on S3:
  // docs.aws.amazon.com/emr/latest/ManagementGuide/app-history-spark-UI.html
  expect(JSON.stringify(endpoint)).not.toContain("appinfo");
});

it("adds endpoints for Session Manager and a NAT gateway on request", () => {
  const { template } = make({ ssmAccess: true });
  template.resourceCountIs("AWS::EC2::VPCEndpoint", 4);
  const endpoints = Object.values(template.findResources("AWS::EC2::VPCEndpoint")) as Rule[];
  const subnets = endpoints.flatMap(({ Properties }) => (Properties["SubnetIds"] as unknown[] | undefined) ?? []);
  expect(subnets).toHaveLength(3);

  make({ nat: true }).template.resourceCountIs("AWS::EC2::NatGateway", 1);
});

it("adds an endpoint for KMS with encrypted volumes, in one subnet and for the nodes alone, unless a NAT gateway reaches it", () => {
  const kms = {
    Properties: { PrivateDnsEnabled: true, ServiceName: Match.objectLike({}), VpcEndpointType: "Interface" },
  };
  const { template } = make({ encryptedVolumes: true });

  const found = Object.values(template.findResources("AWS::EC2::VPCEndpoint", kms)) as Rule[];
  expect(found).toHaveLength(1);
  expect(JSON.stringify(found[0]?.Properties["ServiceName"])).toMatch(/\.kms"/);
  expect(found[0]?.Properties["SubnetIds"]).toHaveLength(1);
  const groups = Object.values(template.findResources("AWS::EC2::SecurityGroup")) as Rule[];
  const inline = groups.flatMap(({ Properties }) => (Properties["SecurityGroupIngress"] ?? []) as Rule["Properties"][]);
  const described = inline.map((rule) => `${named(rule["SourceSecurityGroupId"])}: ${rule["FromPort"]}`);
  expect(described.sort()).toEqual(["Core: 443", "Primary: 443"]);

  make({ encryptedVolumes: true, nat: true }).template.resourceCountIs("AWS::EC2::VPCEndpoint", 1);
});

it("creates only security groups in an existing VPC, and nothing if the groups exist, too", () => {
  const place = { subnetIds: "subnet-0123456789abcdef0,subnet-0123456789abcdef1", vpcId: "vpc-0123456789abcdef0" };
  const { template, network } = make(place);
  expect(network.subnetIds).toEqual(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]);
  template.allResourcesProperties("AWS::EC2::SecurityGroup", { VpcId: "vpc-0123456789abcdef0" });
  template.resourceCountIs("AWS::EC2::SecurityGroup", 3);
  template.resourceCountIs("AWS::EC2::VPC", 0);

  const groups = { primarySecurityGroupId: "sg-1", coreSecurityGroupId: "sg-2", serviceAccessSecurityGroupId: "sg-3" };
  const given = make({ subnetIds: "subnet-01", ...groups });
  expect(given.template.toJSON()["Resources"]).toBeUndefined();
  expect(given.network.securityGroups).toEqual({ primary: "sg-1", core: "sg-2", serviceAccess: "sg-3" });
});
