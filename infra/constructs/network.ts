import { Fn, Stack, Tags } from "aws-cdk-lib";
import {
  CfnSubnet,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  type ISubnet,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from "aws-cdk-lib/aws-ec2";
import { AnyPrincipal, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import type { Config } from "../config/knobs.ts";

/** AmazonEMRServicePolicy_v2 limits EMR to resources with this tag. */
const emrPolicyTag = "for-use-with-amazon-emr-managed-policies";

type InterfaceServices = Readonly<Record<string, InterfaceVpcEndpointAwsService>>;
const ssmServices: InterfaceServices = {
  Ssm: InterfaceVpcEndpointAwsService.SSM,
  SsmMessages: InterfaceVpcEndpointAwsService.SSM_MESSAGES,
  Ec2Messages: InterfaceVpcEndpointAwsService.EC2_MESSAGES,
};
const kmsService: InterfaceServices = { Kms: InterfaceVpcEndpointAwsService.KMS };

/** The first availability zones of the region, whose names CloudFormation looks up. */
export function zones(count: number): string[] {
  return Array.from({ length: count }, (_, zone) => Fn.select(zone, Fn.getAzs()));
}

interface NetworkProps {
  readonly config: Config;
  readonly bucket: IBucket;
}

export interface EmrSecurityGroups {
  readonly primary: string;
  readonly core: string;
  readonly serviceAccess: string;
}

/** Private subnets with a route to S3 only, and the security groups of the nodes; or the existing ones of the configuration. */
export class Network extends Construct {
  readonly subnetIds: readonly string[];
  readonly securityGroups: EmrSecurityGroups;

  constructor(scope: Construct, id: string, { config, bucket }: NetworkProps) {
    super(scope, id);
    const { primarySecurityGroupId, coreSecurityGroupId, serviceAccessSecurityGroupId } = config;
    const given =
      primarySecurityGroupId && coreSecurityGroupId && serviceAccessSecurityGroupId
        ? { primary: primarySecurityGroupId, core: coreSecurityGroupId, serviceAccess: serviceAccessSecurityGroupId }
        : undefined;
    if (config.subnetIds) {
      this.subnetIds = config.subnetIds;
      this.securityGroups = given ?? this.#addSecurityGroups(givenVpc(this, config.vpcId ?? ""));
      return;
    }
    const vpc = this.#addVpc(config, bucket);
    const subnets = config.nat ? vpc.privateSubnets : vpc.isolatedSubnets;
    this.subnetIds = subnets.map(({ subnetId }) => subnetId);
    this.securityGroups = this.#addSecurityGroups(vpc);
    if (config.ssmAccess) this.#addEndpoints(vpc, subnets, ssmServices);
    // The NAT gateway reaches KMS, too.
    if (config.encryptedVolumes && !config.nat) this.#addEndpoints(vpc, subnets, kmsService);
  }

  #addVpc(config: Config, bucket: IBucket): Vpc {
    const stack = Stack.of(this);
    const vpc = new Vpc(this, "Vpc", {
      ipAddresses: IpAddresses.cidr("10.0.0.0/20"),
      availabilityZones: zones(config.zoneCount),
      natGateways: config.nat ? 1 : 0,
      subnetConfiguration: config.nat
        ? [
            { name: "Cluster", subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 24 },
            { name: "Nat", subnetType: SubnetType.PUBLIC, cidrMask: 28, mapPublicIpOnLaunch: false },
          ]
        : [{ name: "Cluster", subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
    });
    // Do not tag the VPC: EMR could then create an endpoint there, which is billed by the hour and outlives the cluster.
    Tags.of(vpc).add(emrPolicyTag, "true", { includeResourceTypes: [CfnSubnet.CFN_RESOURCE_TYPE_NAME] });
    const endpoint = vpc.addGatewayEndpoint("S3", { service: GatewayVpcEndpointAwsService.S3 });
    for (const statement of s3Statements(stack, bucket)) endpoint.addToPolicy(statement);
    return vpc;
  }

  /**
   * Adds the groups and rules that EMR would create for a cluster in a private subnet
   * (docs.aws.amazon.com/emr/latest/ManagementGuide/emr-man-sec-groups.html, releases 5.30 to 7). The rules must be
   * complete and in EMR's own form: if EMR adds one, CloudFormation can delete neither the groups nor the VPC.
   */
  #addSecurityGroups(vpc: IVpc): EmrSecurityGroups {
    const group = (name: string, description: string, allowAllOutbound: boolean): SecurityGroup => {
      const made = new SecurityGroup(this, name, { vpc, description, allowAllOutbound });
      Tags.of(made).add(emrPolicyTag, "true");
      return made;
    };
    // Allow all outbound traffic, as EMR's own groups do; the route table limits it to S3.
    const primary = group("Primary", "Primary node of the clusters", true);
    const core = group("Core", "Core nodes of the clusters", true);
    const serviceAccess = group("ServiceAccess", "Access of EMR itself to the clusters", false);
    for (const to of [primary, core]) {
      for (const from of [primary, core]) {
        for (const port of [Port.allTcp(), Port.allUdp(), Port.allIcmp()]) to.connections.allowFrom(from, port);
      }
      to.connections.allowFrom(serviceAccess, Port.tcp(8443), "Cluster manager of EMR");
    }
    serviceAccess.connections.allowFrom(primary, Port.tcp(9443), "Primary node to the cluster manager of EMR");
    return {
      primary: primary.securityGroupId,
      core: core.securityGroupId,
      serviceAccess: serviceAccess.securityGroupId,
    };
  }

  /** Puts the endpoints in one subnet, since each subnet is billed by the hour and all subnets can reach them. */
  #addEndpoints(vpc: Vpc, [subnet]: readonly ISubnet[], services: InterfaceServices): void {
    if (!subnet) return;
    for (const [name, service] of Object.entries(services)) {
      const { connections } = vpc.addInterfaceEndpoint(name, { service, subnets: { subnets: [subnet] }, open: false });
      const { primary, core } = this.securityGroups;
      for (const group of [primary, core]) connections.allowFrom(Peer.securityGroupId(group), Port.tcp(443));
    }
  }
}

/** Security groups only need the VPC's id, so the zones are a placeholder. */
function givenVpc(scope: Construct, vpcId: string): IVpc {
  return Vpc.fromVpcAttributes(scope, "GivenVpc", { vpcId, availabilityZones: [""] });
}

/**
 * The policy of the S3 endpoint allows the data bucket and the buckets without which no node starts
 * (docs.aws.amazon.com/emr/latest/ManagementGuide/private-subnet-iampolicy.html).
 */
function s3Statements(stack: Stack, bucket: IBucket): readonly PolicyStatement[] {
  const allow = (sid: string, actions: string[], resources: string[]): PolicyStatement =>
    new PolicyStatement({ sid, principals: [new AnyPrincipal()], actions, resources });
  const objectsOf = (name: string): string => `arn:${stack.partition}:s3:::${name}/*`;
  return [
    allow(
      "Data",
      [
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
      ],
      [bucket.bucketArn, bucket.arnForObjects("*")],
    ),
    allow(
      "Repositories",
      ["s3:GetObject"],
      [objectsOf(`al2023-repos-${stack.region}-de612dc2`), objectsOf(`repo.${stack.region}.emr.amazonaws.com`)],
    ),
    // EMR's own copy of the logs; the bucket's name has no region in us-east-1.
    allow("EmrLogs", ["s3:PutObject"], [objectsOf(`aws157-logs-prod-${stack.region}`), objectsOf("aws157-logs-prod")]),
  ];
}
