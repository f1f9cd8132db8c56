import type { Cluster } from "@aws-sdk/client-emr";
import type { Section } from "../../../../lambdas/contract/sections.ts";

/**
 * A failure and its diagnosis. The logs are in the folder of its name: driver.* are its container's, client.* and controller
 * the step's, bootstrap.* a bootstrap action's. Real ones are from runs that really failed on the embedded account,
 * by spark-submit on local[2] or by bootstrap.sh; most INFO lines and Java frames are left out, and paths and host
 * names are EMR's. A real driver's logs are put where cluster deploy mode has them, beside a client's log as YARN
 * writes it (yarn-client.stderr.log, after Spark's Client.scala).
 */
export interface Sample {
  readonly name: string;
  /** How it came to be: "really: …", or the page or source that it is written after. */
  readonly origin: string;
  readonly error?: { readonly Error: string; readonly Cause: string };
  /** What DescribeCluster says, where the cluster itself failed; null: there is none. */
  readonly cluster?: Cluster | null;
  readonly market?: "SPOT";
  readonly cause: string;
  readonly section: Section;
  readonly remedy: string | null;
}

const sparkScala = "https://github.com/apache/spark/blob/v3.5.6/resource-managers/yarn/src/main/scala/org/apache/spark";
const emrGuide = "https://docs.aws.amazon.com/emr/latest/ManagementGuide";
const overhead =
  "Raise cluster.executorMemoryOverhead in the input (it was 2g): Python's memory is outside the JVM's heap";
const driverMemory =
  "The driver's memory is no key of the input: give a limit, or raise driverMemory in the stack's configuration and deploy";
const nodesRole =
  "Let the nodes' role (EmrRolesInstanceRole of the stack) do this, and see the bucket's policy and KMS key";
const modules =
  "Add the package to bootstrap/requirements.in, lock it, and deploy again (npm run deploy; on a laptop npm start): that makes the wheelhouse";
const putThere = "Put it there, or name another place in the input";
const modelAgain =
  "The model artifact is damaged or another one: make it again (npm run model -- --force), and deploy again (npm run deploy; on a laptop npm start)";
const onDemand = 'Start again, with {"cluster": {"market": "ON_DEMAND"}} or another cluster.coreType';
const wheels = "Deploy again (npm run deploy; on a laptop npm start): that makes and uploads the wheelhouse";
function bootstrapFailure(message: string): Cluster {
  return {
    Status: {
      State: "TERMINATED_WITH_ERRORS",
      StateChangeReason: { Code: "BOOTSTRAP_FAILURE", Message: message },
    },
  };
}
const returned = "On the master instance (i-0123456789abcdef0), bootstrap action 1 returned a non-zero return code";
function died(code: "INTERNAL_ERROR" | "VALIDATION_ERROR" | "INSTANCE_FAILURE", message: string): Cluster {
  return {
    Status: { State: "TERMINATED_WITH_ERRORS", StateChangeReason: { Code: code, Message: message } },
  };
}
function refused(Cause: string): Pick<Sample, "error" | "cluster"> {
  return {
    error: { Error: "EMR.AmazonElasticMapReduceException", Cause },
    cluster: null,
  };
}

export const samples: readonly Sample[] = [
  {
    name: "missing-package",
    origin: "really: main.py without --py-files",
    cause: "ModuleNotFoundError: No module named 'orchard' (main.py, line 14)",
    section: "a-module-is-missing-on-a-node",
    remedy: "Deploy the stack again: this package travels with the UploadScripts function",
  },
  {
    name: "no-pandas",
    origin: "really: mapInArrow in the nodes' own environment, which has no pandas",
    cause: "ModuleNotFoundError: No module named 'pandas' (worker_module.py, line 12)",
    section: "a-module-is-missing-on-a-node",
    remedy: modules,
  },
  {
    name: "missing-module",
    origin: "really: an import in a Python worker",
    cause: "ModuleNotFoundError: No module named 'ai_edge_litert_next' (worker_module.py, line 5)",
    section: "a-module-is-missing-on-a-node",
    remedy: modules,
  },
  {
    name: "udf-exception",
    origin: "really: a division by zero in a Python UDF",
    cause: "ZeroDivisionError: division by zero (udf.py, line 9)",
    section: "job-fails",
    remedy: null,
  },
  {
    name: "arrow-exception",
    origin: "really: a ValueError in mapInArrow",
    cause: "ValueError: 250 of 250 vectors are zero (arrow_exception.py, line 17)",
    section: "job-fails",
    remedy: null,
  },
  {
    name: "chained",
    origin: "really: an exception raised from another",
    cause: "IndexError: list index out of range (dependent.py, line 10)",
    section: "job-fails",
    remedy: null,
  },
  {
    name: "usage",
    origin: "really: main.py without --plan",
    cause: "--plan is needed (or, for reduction and projection alone, --features and --output)",
    section: "job-fails",
    remedy: null,
  },
  {
    name: "killed-worker",
    origin: "really: a Python worker that kills itself, SIGKILL",
    cause: "Out of memory: a Python worker was killed while it worked (killed_worker.py, line 14)",
    section: "out-of-memory",
    remedy: overhead,
  },
  {
    name: "worker-memory",
    origin: "really: an array that is too large for a worker under RLIMIT_AS",
    cause:
      "Out of memory: a Python worker could get no more: Unable to allocate 2.30 GiB for an array with shape (4096, 224, 224, 3) and data type float32 (worker_memory.py, line 10)",
    section: "out-of-memory",
    remedy: overhead,
  },
  {
    name: "driver-memory",
    origin: "really: collect() of 4 million rows with a heap of 512 MB",
    cause: "Out of memory: java.lang.OutOfMemoryError: Java heap space in the driver",
    section: "out-of-memory",
    remedy: driverMemory,
  },
  {
    name: "heap-in-task",
    origin: "really: a task that fills the heap, in local mode the driver's",
    cause: "Out of memory: java.lang.OutOfMemoryError: Java heap space in the driver",
    section: "out-of-memory",
    remedy: driverMemory,
  },
  {
    name: "too-little-memory",
    origin: "really: spark.driver.memory=300m",
    cause: "Out of memory: the driver's heap is smaller than Spark's least (udf.py, line 4)",
    section: "out-of-memory",
    remedy: driverMemory,
  },
  {
    name: "result-size",
    origin: "really: spark.driver.maxResultSize=20m",
    cause:
      "Out of memory: the driver was to collect 63.8 MiB, more than spark.driver.maxResultSize lets it (java_memory.py, line 6)",
    section: "out-of-memory",
    remedy: driverMemory,
  },
  {
    name: "killed-driver",
    origin: "really: a driver that is killed, SIGKILL; the step's controller has the exit code",
    cause: "Out of memory: the driver was killed (exit code 137), as a node does that has none left",
    section: "out-of-memory",
    remedy: driverMemory,
  },
  {
    name: "full-disk",
    origin: "really: a shuffle on a file system of 24 MB",
    cause: "A node's disk is full: No space left on device (full_disk.py, line 6)",
    section: "disk-full",
    remedy: "Raise cluster.ebsGiB in the input (it was 64)",
  },
  {
    name: "s3-403-worker",
    origin: "really: pyarrow in a worker, S3 answers 403",
    cause:
      "S3 access denied to s3://orchard-data-123456789012/data/raw/Training/Apple Braeburn 1/0_100.jpg (HeadObject) (s3_pyarrow.py, line 8)",
    section: "s3-access-denied",
    remedy: nodesRole,
  },
  {
    name: "s3-403-spark",
    origin: "really: S3A, S3 answers 403",
    cause: "S3 access denied to s3://orchard-data-123456789012/runs/run-1/features/parquet",
    section: "s3-access-denied",
    remedy: nodesRole,
  },
  {
    name: "s3-403-boto",
    origin: "really: boto3 in the driver, S3 answers 403",
    cause: "S3 access denied (GetObject) (s3_boto.py, line 6)",
    section: "s3-access-denied",
    remedy: nodesRole,
  },
  {
    name: "s3-404-plan",
    origin: "really: main.py with a plan that is not there",
    cause: "s3://orchard-data-123456789012/artifacts/none/plan.json does not exist",
    section: "job-fails",
    remedy: putThere,
  },
  {
    name: "s3-404-spark",
    origin: "really: S3A, a prefix without objects",
    cause: "s3://orchard-data-123456789012/runs/run-0/features/parquet does not exist (s3_spark.py, line 6)",
    section: "job-fails",
    remedy: putThere,
  },
  {
    name: "s3-404-bucket",
    origin: "really: S3A, a bucket that is not there",
    cause: "s3://orchard-data-none/features does not exist",
    section: "job-fails",
    remedy: putThere,
  },
  {
    name: "no-python",
    origin: "really: spark.pyspark.python names a program that is not there",
    cause: "/opt/orchard/python/bin/python is not on the node",
    section: "a-module-is-missing-on-a-node",
    remedy: "Start again: the bootstrap action makes the environment on every node of a new cluster",
  },
  {
    name: "model-sha",
    origin: "really: a plan with another sha256 of the model",
    cause:
      "the model s3://orchard-data-123456789012/artifacts/a9a11231ae685051ac6c80f682748b55adf172bb05a0afa2b0a958274b409d67/model.tflite has sha256 a9a11231ae685051ac6c80f682748b55adf172bb05a0afa2b0a958274b409d67, but the plan says 0000000000000000000000000000000000000000000000000000000000000000; deploy again",
    section: "job-fails",
    remedy: modelAgain,
  },
  {
    name: "model-damaged",
    origin: "really: a model.tflite with a damaged identifier",
    cause: "ValueError: The model is not a valid Flatbuffer buffer (orchard/litert.py, line 17)",
    section: "job-fails",
    remedy: modelAgain,
  },
  {
    name: "time-out",
    origin: "really: a task that sleeps; cancelled",
    error: { Error: "States.Timeout", Cause: "" },
    cause: "It did not end within its time limit (States.Timeout)",
    section: "job-fails",
    remedy: "Start again: features that are done are kept. With more nodes (cluster.coreCount) it takes less time",
  },
  {
    name: "bootstrap-sha",
    origin: "really: bootstrap.sh with another file's sha256",
    cluster: bootstrapFailure(returned),
    cause:
      "Bootstrap action failed: s3://orchard-data-123456789012/artifacts/bad.tar has sha256 ea1045645075af4e9ef1db623c09bca63b38c7ea16c4dd343a6d5154fad95065, but 2944109d81fa71beb41154053a4fdf46d5bca987a0574491d1748fa571dea635 was expected: deploy again to upload the wheelhouse",
    section: "cluster-does-not-start",
    remedy: wheels,
  },
  {
    name: "bootstrap-404",
    origin: "really: bootstrap.sh without its wheelhouse",
    cluster: bootstrapFailure(returned),
    cause:
      'Bootstrap action failed: s3://orchard-data-123456789012/artifacts/ea1045645075af4e9ef1db623c09bca63b38c7ea16c4dd343a6d5154fad95065/wheelhouse.tar could not be fetched: is it there, and may this node\'s instance profile read it? (fatal error: An error occurred (404) when calling the HeadObject operation: Key "artifacts/ea1045645075af4e9ef1db623c09bca63b38c7ea16c4dd343a6d5154fad95065/wheelhouse.tar" does not exist)',
    section: "cluster-does-not-start",
    remedy: wheels,
  },
  {
    name: "bootstrap-tar",
    origin: "really: bootstrap.sh with a wheelhouse that is no tar archive",
    cluster: bootstrapFailure(returned),
    cause:
      "Bootstrap action failed: s3://orchard-data-123456789012/artifacts/bad.tar is not a tar archive (tar: This does not look like a tar archive)",
    section: "cluster-does-not-start",
    remedy: wheels,
  },
  {
    name: "bootstrap-pip",
    origin: "really: bootstrap.sh with a wheelhouse without wheels",
    cluster: bootstrapFailure(returned),
    cause:
      "Bootstrap action failed: pip could not install the wheels of s3://orchard-data-123456789012/artifacts/empty.tar: were they made for this platform and Python 3.11? (ERROR: No matching distribution found for ai-edge-litert==2.3.0)",
    section: "cluster-does-not-start",
    remedy: wheels,
  },
  {
    name: "bootstrap-xtrace",
    origin: "really: a script under set -x, on the command that fails",
    cluster: bootstrapFailure(returned),
    cause:
      "Bootstrap action failed: the command tar -xf /nowhere/wheelhouse.tar -C /opt/none (tar: /nowhere/wheelhouse.tar: Cannot open: No such file or directory)",
    section: "cluster-does-not-start",
    remedy: wheels,
  },
  {
    name: "bootstrap-missing",
    origin: "really: a bootstrap script that is not there",
    cluster: bootstrapFailure(
      "Master instance (i-0123456789abcdef0) failed attempting to download bootstrap action 1 file from S3",
    ),
    cause: "Master instance (i-0123456789abcdef0) failed attempting to download bootstrap action 1 file from S3",
    section: "cluster-does-not-start",
    remedy: wheels,
  },
  {
    name: "executor-memory-limit",
    origin: `${sparkScala}/deploy/yarn/YarnAllocator.scala`,
    cause: "Out of memory: YARN killed an executor that took more memory than its container has (7.6 GB of 7.5 GB)",
    section: "out-of-memory",
    remedy: overhead,
  },
  {
    name: "executor-137",
    origin: "https://github.com/ldbc/ldbc_snb_datagen_spark/issues/381",
    cause: "Out of memory: an executor was killed (exit code 137), as a node does that has none left",
    section: "out-of-memory",
    remedy: overhead,
  },
  {
    name: "executor-heap",
    origin:
      "https://github.com/apache/spark/blob/v3.5.6/core/src/main/scala/org/apache/spark/scheduler/TaskSetManager.scala",
    cause: "Out of memory: java.lang.OutOfMemoryError: Java heap space in an executor",
    section: "out-of-memory",
    remedy: "Raise cluster.executorMemory in the input (it was 4g)",
  },
  {
    name: "heartbeat",
    origin: "https://github.com/apache/spark/blob/v3.5.6/core/src/main/scala/org/apache/spark/HeartbeatReceiver.scala",
    cause:
      "Out of memory: probably; an executor gave no sign of life for 149 s, as one that only collects garbage does",
    section: "out-of-memory",
    remedy: "Raise cluster.executorMemory in the input (it was 4g)",
  },
  {
    name: "driver-memory-limit",
    origin:
      "https://github.com/apache/hadoop/blob/rel/release-3.3.6/hadoop-yarn-project/hadoop-yarn/hadoop-yarn-server/hadoop-yarn-server-nodemanager/src/main/java/org/apache/hadoop/yarn/server/nodemanager/containermanager/monitor/ContainersMonitorImpl.java",
    cause: "Out of memory: YARN killed the driver's container",
    section: "out-of-memory",
    remedy: driverMemory,
  },
  {
    name: "lost-node",
    origin: `${sparkScala}/deploy/yarn/YarnAllocator.scala`,
    market: "SPOT",
    cause: "A node of the cluster was lost; its market is SPOT, so EC2 may have taken it back",
    section: "spot-capacity",
    remedy: 'Start again, with {"cluster": {"market": "ON_DEMAND"}} to be safe',
  },
  {
    name: "emrfs-403",
    origin: "https://github.com/aws-samples/emr-bootstrap-actions/issues/24",
    cause: "S3 access denied (read.py, line 5)",
    section: "s3-access-denied",
    remedy: nodesRole,
  },
  {
    name: "s3-403-policy",
    origin: "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html",
    cause:
      "S3 access denied to s3://orchard-data-123456789012/data/raw/Training/Apple Braeburn 1/0_100.jpg (s3:GetObject) (orchard/storage.py, line 154)",
    section: "s3-access-denied",
    remedy: nodesRole,
  },
  {
    name: "disk-quota",
    origin: "https://docs.python.org/3/library/errno.html",
    cause: "A node's disk is full: Disk quota exceeded (orchard/storage.py, line 190)",
    section: "disk-full",
    remedy: "Raise cluster.ebsGiB in the input (it was 64)",
  },
  {
    name: "only-the-client",
    origin: `${sparkScala}/deploy/yarn/Client.scala`,
    cause: "org.apache.spark.SparkException: Application application_1700000000000_0001 finished with failed status",
    section: "job-fails",
    remedy: "The logs tell no cause yet. The containers' arrive within five minutes, beside the log's folder",
  },
  {
    name: "vcpu-quota",
    origin: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
    cluster: died(
      "VALIDATION_ERROR",
      "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    ),
    cause:
      "An EC2 quota is too small, Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (L-1216C47A): You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    section: "cluster-does-not-start",
    remedy:
      "Have the quota raised: Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (L-1216C47A); or ask for fewer or smaller nodes (cluster.coreCount, cluster.coreType)",
  },
  {
    name: "spot-quota",
    origin: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
    cluster: died("VALIDATION_ERROR", "MaxSpotInstanceCountExceeded: Max spot instance count exceeded"),
    market: "SPOT",
    cause:
      "An EC2 quota is too small, All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests (L-34B43A08): MaxSpotInstanceCountExceeded: Max spot instance count exceeded",
    section: "cluster-does-not-start",
    remedy:
      "Have the quota raised: All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests (L-34B43A08); or ask for fewer or smaller nodes (cluster.coreCount, cluster.coreType)",
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
    remedy: "End clusters that nobody needs (aws emr list-clusters --active), or have the quota raised",
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
    remedy: "Start again later, or with another cluster.coreType, or let config name a subnet in another zone",
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
    remedy: onDemand,
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
    remedy: "Deploy the stack again: it makes the roles; then see what the message says of them",
  },
  {
    name: "no-spot-role",
    origin: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html",
    cluster: died(
      "VALIDATION_ERROR",
      "The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.",
    ),
    market: "SPOT",
    cause: "The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.",
    section: "cluster-does-not-start",
    remedy: "Deploy the stack again: it makes the roles; then see what the message says of them",
  },
  {
    name: "throttled",
    origin: `${emrGuide}/emr-throttling-error.html`,
    cluster: died("INTERNAL_ERROR", "Throttled from Amazon EC2 while launching cluster"),
    cause: "Throttled from Amazon EC2 while launching cluster",
    section: "cluster-does-not-start",
    remedy: "EMR or EC2 was busy: start again",
  },
  {
    name: "reclaimed",
    origin: `${emrGuide}/emr-cluster-NO_SLAVE_LEFT-error.html`,
    cluster: died("INSTANCE_FAILURE", "All slaves in the job flow were terminated due to Spot"),
    market: "SPOT",
    cause: "All slaves in the job flow were terminated due to Spot",
    section: "spot-capacity",
    remedy: onDemand,
  },
];
