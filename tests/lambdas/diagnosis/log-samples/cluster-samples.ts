import type { Cluster } from "@aws-sdk/client-emr";
import type { Sample } from "./sample.ts";

const emrGuide = "https://docs.aws.amazon.com/emr/latest/ManagementGuide";
const useOnDemand = 'Start again, with {"cluster": {"market": "ON_DEMAND"}} or another cluster.coreType';
const allowKms =
  "Deploy with -c encryptedVolumes=false, or let EMR's roles and AWSServiceRoleForEC2Spot use the key, and the nodes' subnet reach KMS";
const deployWheelhouse =
  "Deploy again (orchard deploy; on a laptop orchard start): that builds and uploads the wheelhouse";

function bootstrapFailure(message: string): Cluster {
  return {
    Status: {
      State: "TERMINATED_WITH_ERRORS",
      StateChangeReason: { Code: "BOOTSTRAP_FAILURE", Message: message },
    },
  };
}

const bootstrapFailed =
  "On the master instance (i-0123456789abcdef0), bootstrap action 1 returned a non-zero return code";

/** A cluster that EMR terminated with a reason. */
function terminatedWith(code: "INTERNAL_ERROR" | "VALIDATION_ERROR" | "INSTANCE_FAILURE", message: string): Cluster {
  return {
    Status: { State: "TERMINATED_WITH_ERRORS", StateChangeReason: { Code: code, Message: message } },
  };
}

/** A RunJobFlow request that EMR refused. */
function refused(Cause: string): Pick<Sample, "error" | "cluster"> {
  return {
    error: { Error: "EMR.AmazonElasticMapReduceException", Cause },
    cluster: null,
  };
}

/** Failures of a bootstrap action or of the cluster, which EMR or the bootstrap logs explain. */
export const clusterSamples: readonly Sample[] = [
  {
    name: "bootstrap-sha",
    origin: "observed: bootstrap.sh with another file's sha256",
    cluster: bootstrapFailure(bootstrapFailed),
    cause:
      "Bootstrap action failed: s3://orchard-data-123456789012/artifacts/bad.tar has sha256 ea1045645075af4e9ef1db623c09bca63b38c7ea16c4dd343a6d5154fad95065, but 2944109d81fa71beb41154053a4fdf46d5bca987a0574491d1748fa571dea635 was expected: deploy again to upload the wheelhouse",
    section: "cluster-does-not-start",
    remedy: deployWheelhouse,
  },
  {
    name: "bootstrap-404",
    origin: "observed: bootstrap.sh without its wheelhouse",
    cluster: bootstrapFailure(bootstrapFailed),
    cause:
      'Bootstrap action failed: s3://orchard-data-123456789012/artifacts/ea1045645075af4e9ef1db623c09bca63b38c7ea16c4dd343a6d5154fad95065/wheelhouse.tar could not be fetched: is it there, and may this node\'s instance profile read it? (fatal error: An error occurred (404) when calling the HeadObject operation: Key "artifacts/ea1045645075af4e9ef1db623c09bca63b38c7ea16c4dd343a6d5154fad95065/wheelhouse.tar" does not exist)',
    section: "cluster-does-not-start",
    remedy: deployWheelhouse,
  },
  {
    name: "bootstrap-tar",
    origin: "observed: bootstrap.sh with a wheelhouse that is not a tar archive",
    cluster: bootstrapFailure(bootstrapFailed),
    cause:
      "Bootstrap action failed: s3://orchard-data-123456789012/artifacts/bad.tar is not a tar archive (tar: This does not look like a tar archive)",
    section: "cluster-does-not-start",
    remedy: deployWheelhouse,
  },
  {
    name: "bootstrap-pip",
    origin: "observed: bootstrap.sh with a wheelhouse without wheels",
    cluster: bootstrapFailure(bootstrapFailed),
    cause:
      "Bootstrap action failed: pip could not install the wheels of s3://orchard-data-123456789012/artifacts/empty.tar: were they made for this platform and Python 3.11? (ERROR: No matching distribution found for ai-edge-litert==2.3.0)",
    section: "cluster-does-not-start",
    remedy: deployWheelhouse,
  },
  {
    name: "bootstrap-xtrace",
    origin: "observed: a script under set -x, with a failing command",
    cluster: bootstrapFailure(bootstrapFailed),
    cause:
      "Bootstrap action failed: the command tar -xf /nowhere/wheelhouse.tar -C /opt/none (tar: /nowhere/wheelhouse.tar: Cannot open: No such file or directory)",
    section: "cluster-does-not-start",
    remedy: deployWheelhouse,
  },
  {
    name: "bootstrap-missing",
    origin: "observed: a missing bootstrap script",
    cluster: bootstrapFailure(
      "Master instance (i-0123456789abcdef0) failed attempting to download bootstrap action 1 file from S3",
    ),
    cause: "Master instance (i-0123456789abcdef0) failed attempting to download bootstrap action 1 file from S3",
    section: "cluster-does-not-start",
    remedy: deployWheelhouse,
  },
  {
    name: "vcpu-quota",
    origin: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
    cluster: terminatedWith(
      "VALIDATION_ERROR",
      "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    ),
    cause:
      "An EC2 quota is too small, Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (L-1216C47A): You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    section: "cluster-does-not-start",
    remedy:
      "Request an increase of the quota Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (L-1216C47A), or use fewer or smaller nodes (cluster.coreCount, cluster.coreType)",
  },
  {
    name: "spot-quota",
    origin: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
    cluster: terminatedWith("VALIDATION_ERROR", "MaxSpotInstanceCountExceeded: Max spot instance count exceeded"),
    market: "SPOT",
    cause:
      "An EC2 quota is too small, All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests (L-34B43A08): MaxSpotInstanceCountExceeded: Max spot instance count exceeded",
    section: "cluster-does-not-start",
    remedy:
      "Request an increase of the quota All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests (L-34B43A08), or use fewer or smaller nodes (cluster.coreCount, cluster.coreType)",
  },
  {
    name: "cluster-quota",
    origin: `${emrGuide}/emr-service-limits-what-are.html`,
    ...refused(
      "The number of active clusters exceeds the limit of your account. (Service: AmazonElasticMapReduce; Status Code: 400; Error Code: ValidationException)",
    ),
    cause:
      "An EMR quota is too small, the number of active clusters: The number of active clusters exceeds the limit of your account. (Service: AmazonElasticMapReduce; Status Code: 400; Error Code: ValidationException)",
    section: "cluster-does-not-start",
    remedy:
      "Terminate clusters that nobody needs (aws emr list-clusters --active), or request an increase of the quota",
  },
  {
    name: "no-capacity",
    origin: `${emrGuide}/INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ.html`,
    cluster: {
      Status: {
        State: "TERMINATED_WITH_ERRORS",
        StateChangeReason: { Code: "INTERNAL_ERROR" },
        ErrorDetails: [
          {
            ErrorCode: "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ",
            ErrorMessage: "EC2 has insufficient capacity of m5.2xlarge in the Availability Zone eu-west-1a.",
          },
        ],
      },
    },
    cause:
      "EC2 has insufficient capacity of m5.2xlarge in the Availability Zone eu-west-1a. (INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ)",
    section: "spot-capacity",
    remedy: "Start again later, or with another cluster.coreType, or configure a subnet in another zone",
  },
  {
    name: "no-spot-capacity",
    origin: `${emrGuide}/INTERNAL_ERROR_SPOT_NO_CAPACITY_PRIMARY.html`,
    cluster: {
      Status: {
        State: "TERMINATED_WITH_ERRORS",
        StateChangeReason: { Code: "INTERNAL_ERROR" },
        ErrorDetails: [
          {
            ErrorCode: "INTERNAL_ERROR_SPOT_NO_CAPACITY_PRIMARY",
            ErrorMessage: "There is no Spot capacity for the instance type m5.xlarge in eu-west-1a.",
          },
        ],
      },
    },
    market: "SPOT",
    cause:
      "There is no Spot capacity for the instance type m5.xlarge in eu-west-1a. (INTERNAL_ERROR_SPOT_NO_CAPACITY_PRIMARY)",
    section: "spot-capacity",
    remedy: useOnDemand,
  },
  {
    name: "may-not-run",
    origin: "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html",
    ...refused(
      "User: arn:aws:sts::123456789012:assumed-role/Orchard-WorkflowStateMachineRole/x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/Orchard-EmrRolesServiceRole because no identity-based policy allows the iam:PassRole action (Service: AmazonElasticMapReduce; Status Code: 400; Error Code: AccessDeniedException)",
    ),
    cause:
      "User: arn:aws:sts::123456789012:assumed-role/Orchard-WorkflowStateMachineRole/x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/Orchard-EmrRolesServiceRole because no identity-based policy allows the iam:PassRole action (Service: AmazonElasticMapReduce; Status Code: 400; Error Code: AccessDeniedException)",
    section: "cluster-does-not-start",
    remedy:
      "Deploy the stack again, which creates the roles; if that does not help, grant the permission that the message names",
  },
  {
    name: "kms-denied",
    origin: "https://repost.aws/knowledge-center/kms-iam-ec2-permission",
    cluster: terminatedWith(
      "VALIDATION_ERROR",
      "User: arn:aws:sts::123456789012:assumed-role/Orchard-EmrRolesServiceRole/x is not authorized to perform: kms:CreateGrant on resource: arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
    ),
    cause:
      "User: arn:aws:sts::123456789012:assumed-role/Orchard-EmrRolesServiceRole/x is not authorized to perform: kms:CreateGrant on resource: arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
    section: "kms-access-denied",
    remedy: allowKms,
  },
  {
    name: "kms-denied-to-ec2",
    origin: "https://repost.aws/knowledge-center/kms-iam-ec2-permission",
    cluster: terminatedWith("INSTANCE_FAILURE", "Client.InternalError: Client error on launch"),
    market: "SPOT",
    cause: "Client.InternalError: Client error on launch",
    section: "kms-access-denied",
    remedy: allowKms,
  },
  {
    name: "no-spot-role",
    origin: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html",
    cluster: terminatedWith(
      "VALIDATION_ERROR",
      "The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.",
    ),
    market: "SPOT",
    cause: "The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.",
    section: "cluster-does-not-start",
    remedy:
      "Deploy the stack again, which creates the roles; if that does not help, grant the permission that the message names",
  },
  {
    name: "throttled",
    origin: `${emrGuide}/emr-throttling-error.html`,
    cluster: terminatedWith("INTERNAL_ERROR", "Throttled from Amazon EC2 while launching cluster"),
    cause: "Throttled from Amazon EC2 while launching cluster",
    section: "cluster-does-not-start",
    remedy: "EMR or EC2 was busy: start again",
  },
  {
    name: "reclaimed",
    origin: `${emrGuide}/emr-cluster-NO_SLAVE_LEFT-error.html`,
    cluster: terminatedWith("INSTANCE_FAILURE", "All slaves in the job flow were terminated due to Spot"),
    market: "SPOT",
    cause: "All slaves in the job flow were terminated due to Spot",
    section: "spot-capacity",
    remedy: useOnDemand,
  },
];
