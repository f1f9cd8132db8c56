import type { Architecture } from "../catalog/architectures.ts";

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
  /** Share of a single node's vCPUs that YARN's and HDFS's daemons leave for executors. */
  oneNodeShare: assumed(0.75, "a core of four"),
  /** Keys per second that one task of the inventory lists and hashes; the tasks run in parallel, one on each vCPU. */
  keysPerSecondPerTask: assumed(2_000, "one LIST of 1,000 keys takes up to half a second"),
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

/** Speed of one physical core. */
export interface CoreRates {
  /** Images per second whose features it extracts. */
  readonly imagesPerSecond: Rate;
  /** Rows per second that it reduces. */
  readonly rowsPerSecond: Rate;
}

export const coreRates: Readonly<Record<Architecture, CoreRates>> = {
  x86_64: {
    imagesPerSecond: measured(86, "the embedded account on two cores of a laptop-class machine, fixed costs included"),
    rowsPerSecond: assumed(4_000, "a matrix product and a Parquet file, far below a laptop's"),
  },
  arm64: {
    imagesPerSecond: assumed(43, "half of x86_64: vectors of 128 bits, not 256 or 512; Graviton 2 is slower still"),
    rowsPerSecond: assumed(2_000, "half of x86_64, as for images"),
  },
};
