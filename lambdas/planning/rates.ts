/** A figure that the quote is computed from, and its reliability. */
export interface Rate {
  readonly value: number;
  readonly basis: "measured" | "assumed";
  /** Place of the measurement, or reason for the assumption. */
  readonly from: string;
}

function measured(value: number, from: string): Rate {
  return { value, basis: "measured", from };
}
function assumed(value: number, from: string): Rate {
  return { value, basis: "assumed", from };
}

/** Speed of the job, and the time that its cluster needs before, between and after the steps. */
export const rates = {
  /** Images per second whose features one core extracts. */
  imagesPerSecondPerCore: measured(
    86,
    "the embedded account on two cores of a laptop-class machine, fixed costs included",
  ),
  /** Each vCPU is a hyperthread (on Graviton: a slower core). */
  coresPerVcpu: assumed(0.5, "two threads share a core; nobody has measured this job on EMR"),
  /** Share of a single node's vCPUs that YARN's and HDFS's daemons leave for executors. */
  oneNodeShare: assumed(0.75, "a core of four"),
  /** Rows per second that one vCPU reduces. */
  rowsPerSecondPerVcpu: assumed(2_000, "a matrix product and a Parquet file, far below a laptop's"),
  /** Keys per second that the inventory's driver lists and hashes. */
  keysPerSecond: assumed(2_000, "one LIST of 1,000 keys takes up to half a second"),
  /** From RunJobFlow until the cluster accepts steps, without the bootstrap action. */
  startMinutes: assumed(7, "AWS's EC2 Spot workshop for EMR: seven to eight minutes"),
  /** The bootstrap action, which installs the locked wheels from S3. */
  bootstrapMinutes: assumed(1, "unpacking some 120 MB of wheels; not measured on EMR"),
  /** Start of a step's JVMs and workers, listing, commit. */
  stepMinutes: assumed(1, "what YARN needs for its containers; not measured on EMR"),
  /** Function states between the cluster's start and its end. */
  functionMinutes: assumed(0.2, "a few seconds each"),
  /** From TerminateJobFlows until EC2 stops billing. */
  terminateMinutes: assumed(1, "none of AWS's documents says"),
  /**
   * Interval at which Step Functions first polls a .sync job. The guide states both intervals:
   * https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html
   */
  pollMinutes: assumed(1, "the Step Functions guide on EMR: 60 s for the first ten minutes"),
  /** Interval at which it polls a job that lasts longer than `slowPollAfterMinutes`. */
  slowPollMinutes: assumed(5, "the Step Functions guide on EMR: 300 s after that"),
  slowPollAfterMinutes: assumed(10, "the Step Functions guide on EMR: after ten minutes"),
} as const satisfies Readonly<Record<string, Rate>>;

/** Images per second whose features one vCPU extracts. */
export const imagesPerSecondPerVcpu = rates.imagesPerSecondPerCore.value * rates.coresPerVcpu.value;
