/** A number that the quote is made of, and how well it is known. */
export interface Rate {
  readonly value: number;
  readonly basis: "measured" | "assumed";
  /** Where it was measured, or what the assumption rests on. */
  readonly from: string;
}

function measured(value: number, from: string): Rate {
  return { value, basis: "measured", from };
}
function assumed(value: number, from: string): Rate {
  return { value, basis: "assumed", from };
}

/** How fast this job is, and how long its cluster takes around it. */
export const rates = {
  /** Images that a core turns into features in a second. */
  imagesPerSecondPerCore: measured(
    86,
    "the embedded account on two cores of a laptop-class machine, fixed costs included",
  ),
  /** A vCPU of these types is a hyperthread (of Graviton: a slower core). */
  coresPerVcpu: assumed(0.5, "two threads share a core; nobody has measured this job on EMR"),
  /** What is left of a single node's vCPUs beside the daemons of YARN and HDFS. */
  oneNodeShare: assumed(0.75, "a core of four"),
  /** Rows of the reduction that a vCPU takes in a second. */
  rowsPerSecondPerVcpu: assumed(2_000, "a matrix product and a Parquet file, far below a laptop's"),
  /** Keys that the inventory's driver lists and hashes in a second. */
  keysPerSecond: assumed(2_000, "one LIST of 1,000 keys takes up to half a second"),
  /** From RunJobFlow to a cluster that takes steps, without the bootstrap action. */
  startMinutes: assumed(7, "AWS's EC2 Spot workshop for EMR: seven to eight minutes"),
  /** The bootstrap action: the locked wheels from S3, no network. */
  bootstrapMinutes: assumed(1, "unpacking some 120 MB of wheels; not measured on EMR"),
  /** Start of a step's JVMs and workers, listing, commit. */
  stepMinutes: assumed(1, "what YARN needs for its containers; not measured on EMR"),
  /** Function states between the cluster's start and its end. */
  functionMinutes: assumed(0.2, "a few seconds each"),
  /** From TerminateJobFlows until EC2 stops counting. */
  terminateMinutes: assumed(1, "none of AWS's documents says"),
  /** Step Functions asks for a .sync job's end each minute at first, … */
  pollMinutes: assumed(1, "the Step Functions guide: .sync polls; observed as each 60 s"),
  /** … and each five minutes when the job lasts longer than `slowPollAfterMinutes`. */
  slowPollMinutes: assumed(5, "observed as each 300 s"),
  slowPollAfterMinutes: assumed(10, "when it changes is documented nowhere"),
} as const satisfies Readonly<Record<string, Rate>>;

/** Images that a vCPU turns into features in a second. */
export const imagesPerSecondPerVcpu = rates.imagesPerSecondPerCore.value * rates.coresPerVcpu.value;
