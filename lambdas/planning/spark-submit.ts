import type { Plan } from "../contract/plan.ts";
import { planFile } from "../contract/s3-layout.ts";
import { executorCores } from "./executor-memory.ts";

/** bootstrap.sh makes this environment on every node. EMR's own interpreters (3.9 and 3.11) lack the locked libraries. */
const python = "/opt/orchard/python/bin/python";

interface Job {
  /** s3:// URI of orchard.zip. */
  readonly pyFiles: string;
  /** s3:// URI of main.py. */
  readonly script: string;
  readonly step: string;
}

/**
 * Number of times that YARN may start the driver, which runs in the application master. With 1, YARN does not replace an
 * application master that was lost with its node either (AttemptFailedTransition in RMAppImpl.java of
 * github.com/apache/hadoop). Without Spot nodes, a second attempt would mostly repeat a failure of the job itself.
 */
function attempts({ market, coreCount }: Plan["cluster"]): number {
  return market === "SPOT" && coreCount > 0 ? 2 : 1;
}

/** Builds a step's arguments of command-runner.jar. The number of executors is in the cluster's spark-defaults. */
export function sparkSubmit(plan: Pick<Plan, "cluster" | "run">, job: Job, region: string): readonly string[] {
  const conf: Readonly<Record<string, string>> = {
    "spark.pyspark.python": python,
    "spark.yarn.appMasterEnv.PYSPARK_PYTHON": python,
    "spark.executorEnv.PYSPARK_PYTHON": python,
    // Python salts string hashes per process, so that groupings would differ between workers.
    "spark.yarn.appMasterEnv.PYTHONHASHSEED": "0",
    "spark.executorEnv.PYTHONHASHSEED": "0",
    // YARN containers have no region in their environment; the Python code would have to ask S3 for it.
    "spark.yarn.appMasterEnv.AWS_REGION": region,
    "spark.executorEnv.AWS_REGION": region,
    "spark.yarn.maxAppAttempts": String(attempts(plan.cluster)),
    // A worker then keeps its model interpreter across partitions.
    "spark.python.worker.reuse": "true",
    // Executors register after Spark has computed its default parallelism, which would then be 2.
    "spark.default.parallelism": String(plan.cluster.executors * executorCores),
    "spark.driver.memoryOverhead": plan.cluster.driverMemoryOverhead,
    "spark.executor.cores": String(executorCores),
    "spark.executor.memory": plan.cluster.executorMemory,
    "spark.executor.memoryOverhead": plan.cluster.executorMemoryOverhead,
  };
  return [
    "spark-submit",
    "--master",
    "yarn",
    "--deploy-mode",
    "cluster",
    ...Object.entries(conf).flatMap(([key, value]) => ["--conf", `${key}=${value}`]),
    "--py-files",
    job.pyFiles,
    job.script,
    job.step,
    "--plan",
    `${plan.run}${planFile}`,
  ];
}
