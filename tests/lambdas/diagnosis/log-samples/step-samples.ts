import type { Sample } from "./sample.ts";

const sparkScala = "https://github.com/apache/spark/blob/v3.5.6/resource-managers/yarn/src/main/scala/org/apache/spark";
const raiseOverhead =
  "Raise cluster.executorMemoryOverhead in the input (it was 2g): Python's memory is outside the JVM's heap";
const raiseDriverMemory =
  "Give the run a limit, or raise driverMemory in the stack's configuration and deploy: the input has no key for the driver's memory";
const grantNodesRole =
  "Grant this to the nodes' role (EmrRolesInstanceRole of the stack), and check the bucket's policy and KMS key";
const addPackage =
  "Add the package to bootstrap/requirements.in, lock it, and deploy again (orchard deploy; on a laptop orchard start): that builds the wheelhouse";
const uploadIt = "Upload it, or name another location in the input";
const buildModel =
  "The model artifact is damaged or not the deployed one: build it again (orchard model --force), and deploy again (orchard deploy; on a laptop orchard start)";

/** Failures of a step, which its logs explain. */
export const stepSamples: readonly Sample[] = [
  {
    name: "missing-package",
    origin: "observed: main.py without --py-files",
    cause: "ModuleNotFoundError: No module named 'orchard' (main.py, line 14)",
    section: "a-module-is-missing-on-a-node",
    remedy: "Deploy the stack again: the UploadScripts function contains this package",
  },
  {
    name: "no-pandas",
    origin: "observed: mapInArrow in the nodes' own environment, which has no pandas",
    cause: "ModuleNotFoundError: No module named 'pandas' (worker_module.py, line 12)",
    section: "a-module-is-missing-on-a-node",
    remedy: addPackage,
  },
  {
    name: "missing-module",
    origin: "observed: an import in a Python worker",
    cause: "ModuleNotFoundError: No module named 'ai_edge_litert_next' (worker_module.py, line 5)",
    section: "a-module-is-missing-on-a-node",
    remedy: addPackage,
  },
  {
    name: "udf-exception",
    origin: "observed: a division by zero in a Python UDF",
    cause: "ZeroDivisionError: division by zero (udf.py, line 9)",
    section: "job-fails",
    remedy: null,
  },
  {
    name: "arrow-exception",
    origin: "observed: a ValueError in mapInArrow",
    cause: "ValueError: 250 of 250 vectors are zero (arrow_exception.py, line 17)",
    section: "job-fails",
    remedy: null,
  },
  {
    name: "chained",
    origin: "observed: an exception raised from another",
    cause: "IndexError: list index out of range (dependent.py, line 10)",
    section: "job-fails",
    remedy: null,
  },
  {
    name: "usage",
    origin: "observed: main.py without --plan",
    cause: "--plan is needed (or, for reduction and projection alone, --features and --output)",
    section: "job-fails",
    remedy: null,
  },
  {
    name: "killed-worker",
    origin: "observed: a Python worker that kills itself, SIGKILL",
    cause: "Out of memory: a Python worker was killed (killed_worker.py, line 14)",
    section: "out-of-memory",
    remedy: raiseOverhead,
  },
  {
    name: "worker-memory",
    origin: "observed: an array that is too large for a worker under RLIMIT_AS",
    cause:
      "Out of memory: a Python worker could not allocate memory: Unable to allocate 2.30 GiB for an array with shape (4096, 224, 224, 3) and data type float32 (worker_memory.py, line 10)",
    section: "out-of-memory",
    remedy: raiseOverhead,
  },
  {
    name: "driver-memory",
    origin: "observed: collect() of 4 million rows with a heap of 512 MB",
    cause: "Out of memory: java.lang.OutOfMemoryError: Java heap space in the driver",
    section: "out-of-memory",
    remedy: raiseDriverMemory,
  },
  {
    name: "heap-in-task",
    origin: "observed: a task that fills the heap, in local mode the driver's",
    cause: "Out of memory: java.lang.OutOfMemoryError: Java heap space in the driver",
    section: "out-of-memory",
    remedy: raiseDriverMemory,
  },
  {
    name: "too-little-memory",
    origin: "observed: spark.driver.memory=300m",
    cause: "Out of memory: the driver's heap is smaller than Spark's minimum (udf.py, line 4)",
    section: "out-of-memory",
    remedy: raiseDriverMemory,
  },
  {
    name: "result-size",
    origin: "observed: spark.driver.maxResultSize=20m",
    cause:
      "Out of memory: the driver would have to collect 63.8 MiB, more than spark.driver.maxResultSize allows (java_memory.py, line 6)",
    section: "out-of-memory",
    remedy: raiseDriverMemory,
  },
  {
    name: "killed-driver",
    origin: "observed: a driver that is killed, SIGKILL; the step's controller has the exit code",
    cause: "Out of memory: the driver was killed (exit code 137), which happens when a node runs out of memory",
    section: "out-of-memory",
    remedy: raiseDriverMemory,
  },
  {
    name: "full-disk",
    origin: "observed: a shuffle on a file system of 24 MB",
    cause: "A node's disk is full: No space left on device (full_disk.py, line 6)",
    section: "disk-full",
    remedy: "Raise cluster.ebsGiB in the input (it was 64)",
  },
  {
    name: "s3-403-worker",
    origin: "observed: pyarrow in a worker, S3 answers 403",
    cause:
      "S3 access denied to s3://orchard-data-123456789012/data/raw/Training/Apple Braeburn 1/0_100.jpg (HeadObject) (s3_pyarrow.py, line 8)",
    section: "s3-access-denied",
    remedy: grantNodesRole,
  },
  {
    name: "s3-403-spark",
    origin: "observed: S3A, S3 answers 403",
    cause: "S3 access denied to s3://orchard-data-123456789012/runs/run-1/features/parquet",
    section: "s3-access-denied",
    remedy: grantNodesRole,
  },
  {
    name: "s3-403-boto",
    origin: "observed: boto3 in the driver, S3 answers 403",
    cause: "S3 access denied (GetObject) (s3_boto.py, line 6)",
    section: "s3-access-denied",
    remedy: grantNodesRole,
  },
  {
    name: "s3-404-plan",
    origin: "observed: main.py with a missing plan",
    cause: "s3://orchard-data-123456789012/artifacts/none/plan.json does not exist",
    section: "job-fails",
    remedy: uploadIt,
  },
  {
    name: "s3-404-spark",
    origin: "observed: S3A, a prefix without objects",
    cause: "s3://orchard-data-123456789012/runs/run-0/features/parquet does not exist (s3_spark.py, line 6)",
    section: "job-fails",
    remedy: uploadIt,
  },
  {
    name: "s3-404-bucket",
    origin: "observed: S3A, a missing bucket",
    cause: "s3://orchard-data-none/features does not exist",
    section: "job-fails",
    remedy: uploadIt,
  },
  {
    name: "no-python",
    origin: "observed: spark.pyspark.python names a missing program",
    cause: "/opt/orchard/python/bin/python is not on the node",
    section: "a-module-is-missing-on-a-node",
    remedy: "Start again: the bootstrap action installs the environment on every node of a new cluster",
  },
  {
    name: "model-sha",
    origin: "observed: a plan with another sha256 of the model",
    cause:
      "the model s3://orchard-data-123456789012/artifacts/a9a11231ae685051ac6c80f682748b55adf172bb05a0afa2b0a958274b409d67/model.tflite has sha256 a9a11231ae685051ac6c80f682748b55adf172bb05a0afa2b0a958274b409d67, but the plan says 0000000000000000000000000000000000000000000000000000000000000000; deploy again",
    section: "job-fails",
    remedy: buildModel,
  },
  {
    name: "model-damaged",
    origin: "observed: a model.tflite with a damaged identifier",
    cause: "ValueError: The model is not a valid Flatbuffer buffer (orchard/litert.py, line 17)",
    section: "job-fails",
    remedy: buildModel,
  },
  {
    name: "time-out",
    origin: "observed: a task that sleeps; cancelled",
    error: { Error: "States.Timeout", Cause: "" },
    cause: "It did not end within its time limit of 30 minutes, the least that a step gets (States.Timeout)",
    section: "job-fails",
    remedy: "Start again: computed features are kept. With more nodes (cluster.coreCount) it takes less time",
  },
  {
    name: "executor-memory-limit",
    origin: `${sparkScala}/deploy/yarn/YarnAllocator.scala`,
    cause: "Out of memory: YARN killed an executor that used more memory than its container has (7.6 GB of 7.5 GB)",
    section: "out-of-memory",
    remedy: raiseOverhead,
  },
  {
    name: "executor-137",
    origin: "https://github.com/ldbc/ldbc_snb_datagen_spark/issues/381",
    cause: "Out of memory: an executor was killed (exit code 137), which happens when a node runs out of memory",
    section: "out-of-memory",
    remedy: raiseOverhead,
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
    cause: "Out of memory: probably; an executor sent no heartbeat for 149 s, which long garbage collection causes",
    section: "out-of-memory",
    remedy: "Raise cluster.executorMemory in the input (it was 4g)",
  },
  {
    name: "driver-memory-limit",
    origin:
      "https://github.com/apache/hadoop/blob/rel/release-3.3.6/hadoop-yarn-project/hadoop-yarn/hadoop-yarn-server/hadoop-yarn-server-nodemanager/src/main/java/org/apache/hadoop/yarn/server/nodemanager/containermanager/monitor/ContainersMonitorImpl.java",
    cause: "Out of memory: YARN killed the driver's container",
    section: "out-of-memory",
    remedy: raiseDriverMemory,
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
    remedy: grantNodesRole,
  },
  {
    name: "s3-403-policy",
    origin: "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html",
    cause:
      "S3 access denied to s3://orchard-data-123456789012/data/raw/Training/Apple Braeburn 1/0_100.jpg (s3:GetObject) (orchard/storage.py, line 154)",
    section: "s3-access-denied",
    remedy: grantNodesRole,
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
    remedy:
      "The logs do not show the cause yet. The containers' logs arrive within five minutes, next to this log's folder",
  },
];
