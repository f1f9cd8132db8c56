import type { Plan } from "../contract/plan.ts";
import { executorCores } from "./executor-memory.ts";

/** Where bootstrap.sh puts the environment on every node; EMR's own python3 is too old. */
const python = "/opt/orchard/python/bin/python";

interface Job {
  /** s3:// address of orchard.zip. */
  readonly pyFiles: string;
  /** s3:// address of main.py. */
  readonly script: string;
  readonly step: string;
}

/** The arguments of command-runner.jar for a step. How many executors there are is in the cluster's spark-defaults. */
export function sparkSubmit(plan: Pick<Plan, "cluster" | "run">, job: Job, region: string): readonly string[] {
  const conf: Readonly<Record<string, string>> = {
    "spark.pyspark.python": python,
    "spark.yarn.appMasterEnv.PYSPARK_PYTHON": python,
    "spark.executorEnv.PYSPARK_PYTHON": python,
    // Python salts its string hashes for each process; groupings would differ between workers.
    "spark.yarn.appMasterEnv.PYTHONHASHSEED": "0",
    "spark.executorEnv.PYTHONHASHSEED": "0",
    // A YARN container knows no region, and the Python code would have to ask S3 for it.
    "spark.yarn.appMasterEnv.AWS_REGION": region,
    "spark.executorEnv.AWS_REGION": region,
    // A second attempt would run the whole step again and hide the first one's error.
    "spark.yarn.maxAppAttempts": "1",
    // A worker keeps its interpreter of the model from one partition to the next.
    "spark.python.worker.reuse": "true",
    // Executors register after the job has asked how many tasks run at once: say it, or it sees two.
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
    `${plan.run}plan.json`,
  ];
}
