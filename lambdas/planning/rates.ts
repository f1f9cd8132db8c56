import type { Architecture } from "../catalog/architectures.ts";
import { marginalSeconds, measurements } from "./measurements.ts";

/** A figure that the quote is computed from, and its reliability. */
export interface Rate {
  readonly value: number;
  /** The plausible values that make a run shortest and longest. */
  readonly best: number;
  readonly worst: number;
  readonly basis: "measured" | "assumed";
  /** Place of the measurement, or reason for the assumption. */
  readonly from: string;
}

/** Names which of a rate's three values the model takes. */
export type Outlook = "value" | "best" | "worst";

/** Measured seconds, or an assumption if there are none. Repeated measurements on a shared machine differ by a tenth. */
function measured(value: number | undefined, from: string, otherwise: number): Rate {
  if (value === undefined) return assumed(otherwise, otherwise / 2, otherwise * 2, "not measured yet");
  return { value, best: value * 0.9, worst: value * 1.2, basis: "measured", from };
}
function assumed(value: number, best: number, worst: number, from: string): Rate {
  return { value, best, worst, basis: "assumed", from };
}
/** A figure that a document of AWS states. */
function stated(value: number, from: string): Rate {
  return assumed(value, value, value, from);
}

const { growth, inventory, rows, machine } = measurements;
const place = `${machine.processor}, ${machine.cores} cores, ${machine.date}, npm run bench:scale`;

/** Costs of the work, and the time that its cluster needs before, between and after the steps. */
export const rates = {
  /** Seconds in which one core computes an image's features, with its share of the task and of the files. */
  secondsPerImage: measured(
    marginalSeconds(growth?.map((run) => ({ ...run, amount: run.images }))),
    `images of 100 x 100 pixels, ${place}`,
    0.01,
  ),
  /** Share of that time that bf16 takes, on the instance types that compute in it. */
  bf16Share: {
    value: 0.68,
    best: 0.6,
    worst: 0.85,
    basis: "measured",
    from: "the model in 4.67 ms and not 7.37, and the rest as long: one core of Zen 4 (docs/adr/0009); others are taken to gain as much",
  },
  /** Seconds in which one core decodes a megabyte of larger images. */
  secondsPerMegabyte: assumed(0.037, 0.01, 0.08, "149 ms for a JPEG of 12 megapixels, about 4 MB"),
  /** Share of that time that is left in draft mode. Images that are no JPEGs, or small ones, gain nothing. */
  draftShare: assumed(0.4, 0.4, 1, "41 of 102 ms for a JPEG of 12 megapixels, measured once (docs/adr/0009)"),
  /** Seconds in which one core lists, hashes and writes a key in the inventory. */
  secondsPerKey: measured(marginalSeconds(inventory?.map((run) => ({ ...run, amount: run.images }))), place, 1e-4),
  /** Seconds in which one core sums up and transforms a row of 1,280 numbers. */
  secondsPerRow: measured(marginalSeconds(rows?.map((run) => ({ ...run, amount: run.rows }))), place, 2.5e-4),
  /** Seconds in which S3 answers a LIST; a task waits for one page after the other. */
  secondsPerPage: assumed(0.1, 0.05, 0.5, "50 to 500 ms, by all accounts"),
  /** Images a second that S3 hands out before it partitions the keys further. */
  getsPerSecond: assumed(5_500, 55_000, 3_500, "S3's guide on performance, for one prefix; more after minutes of load"),
  /** Seconds in which the driver starts a task and takes its result. */
  driverSecondsPerTask: assumed(0.005, 0.002, 0.02, "Spark's scheduler starts some 200 tasks a second"),
  /** Seconds in which the driver unpacks and adds a partial sum of 1,280 dimensions. */
  driverSecondsPerSum: assumed(0.04, 0.02, 0.1, "6.6 MB from another node, and two additions of 13 MB"),
  /** Share of a single node's vCPUs that YARN's and HDFS's daemons leave for executors. */
  oneNodeShare: assumed(0.75, 0.9, 0.6, "a core of four"),
  /** From RunJobFlow until the cluster accepts steps, without the bootstrap action. */
  startMinutes: assumed(7, 5, 10, "AWS's EC2 Spot workshop for EMR: seven to eight minutes"),
  /** The bootstrap action, which installs the locked wheels from S3. */
  bootstrapMinutes: assumed(1, 0.5, 2, "unpacking some 120 MB of wheels; not measured on EMR"),
  /** Start of a step's JVMs and workers, commit. */
  stepMinutes: assumed(1, 0.5, 2, "what YARN needs for its containers; not measured on EMR"),
  /** Function states between the cluster's start and its end. */
  functionMinutes: assumed(0.2, 0.1, 0.5, "a few seconds each"),
  /** From TerminateJobFlows until EC2 stops billing. */
  terminateMinutes: assumed(1, 0.5, 2, "none of AWS's documents says"),
  /**
   * Interval at which Step Functions first polls a .sync job. The guide states both intervals:
   * https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html
   */
  pollMinutes: stated(1, "the Step Functions guide on EMR: 60 s for the first ten minutes"),
  /** Interval at which it polls a job that lasts longer than `slowPollAfterMinutes`. */
  slowPollMinutes: stated(5, "the Step Functions guide on EMR: 300 s after that"),
  slowPollAfterMinutes: stated(10, "the Step Functions guide on EMR: after ten minutes"),
} as const satisfies Readonly<Record<string, Rate>>;

/** Speed of a core on EMR, relative to a core of the measured machine. */
export const coreSpeed: Readonly<Record<Architecture, Rate>> = {
  x86_64: assumed(1, 1.3, 0.6, `no core of EMR was measured; the measured one is of an ${machine.processor}`),
  arm64: assumed(0.5, 0.9, 0.35, "vectors of 128 bits, not 256 or 512; Graviton 2 is slower than 3 and 4"),
};
