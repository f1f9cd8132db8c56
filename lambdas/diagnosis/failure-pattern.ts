import type { ClusterPlan } from "../contract/cluster-plan.ts";
import type { Section } from "../contract/sections.ts";

/** What a known failure means: in words, and what to do about it. */
export interface Explanation {
  /** Instead of the line itself, where there are better words. */
  readonly says?: string;
  readonly section: Section;
  readonly remedy: string | null;
}

export interface Evidence {
  /** The log that the line is from, for what the line leaves out. */
  readonly text: string;
  readonly cluster: ClusterPlan | undefined;
}

interface FailurePattern {
  readonly pattern: RegExp;
  /** Decides alone, wherever it stands: nobody recovers from it, or the job did not. */
  readonly isFatal?: true;
  readonly read: (match: RegExpExecArray, evidence: Evidence) => Explanation;
}

function raise(key: "executorMemory" | "executorMemoryOverhead" | "ebsGiB", { cluster }: Evidence): string {
  return `Raise cluster.${key} in the input${cluster ? ` (it was ${cluster[key]})` : ""}`;
}

function outOfMemory(says: string, remedy: string): Explanation {
  return {
    says: `Out of memory: ${says}`,
    section: "out-of-memory",
    remedy,
  };
}

const driverRemedy =
  "The driver's memory is no key of the input: give a limit, or raise driverMemory in the stack's configuration and deploy";

function overheadRemedy(evidence: Evidence): string {
  return `${raise("executorMemoryOverhead", evidence)}: Python's memory is outside the JVM's heap`;
}

/** s3://bucket/key that a log names: in S3A's exception, which wraps the service's own, or in a command. */
function objectIn(text: string): string | undefined {
  return /(?:AccessDeniedException|FileNotFoundException|UnknownStoreException): `?(s3[an]?:\/\/[^\s:']+)/.exec(
    text,
  )?.[1];
}

function denied(what: string | undefined, operation: string | undefined): Explanation {
  return {
    says: `S3 access denied${what ? ` to ${what.replace(/^s3[an]:/, "s3:")}` : ""}${operation ? ` (${operation})` : ""}`,
    section: "s3-access-denied",
    remedy: "Let the nodes' role (EmrRolesInstanceRole of the stack) do this, and see the bucket's policy and KMS key",
  };
}

function absent(what: string | undefined): Explanation {
  return {
    ...(what ? { says: `${what.replace(/^s3[an]:/, "s3:")} does not exist` } : {}),
    section: "job-fails",
    remedy: "Put it there, or name another place in the input",
  };
}

function missingModule(name: string | undefined): Explanation {
  return {
    section: "a-module-is-missing-on-a-node",
    remedy:
      name?.split(".")[0] === "orchard"
        ? "Deploy the stack again: this package travels with the UploadScripts function"
        : "Add the package to bootstrap/requirements.in, lock it, and deploy again (npm run deploy; on a laptop npm start): that makes the wheelhouse",
  };
}

function lostNode({ cluster }: Evidence): Explanation {
  const isSpot = cluster?.market === "SPOT";
  return {
    says: `A node of the cluster was lost${isSpot ? "; its market is SPOT, so EC2 may have taken it back" : ""}`,
    section: "spot-capacity",
    remedy: isSpot ? 'Start again, with {"cluster": {"market": "ON_DEMAND"}} to be safe' : "Start again",
  };
}

/** What a step's logs can show, the most telling first. */
const stepSigns: readonly FailurePattern[] = [
  {
    pattern:
      /Container killed by YARN for exceeding (?:physical |virtual )?memory limits\.?(?: ([\d.]+ \w+ of [\d.]+ \w+))?/,
    isFatal: true,
    read: ([, used], evidence) =>
      outOfMemory(
        `YARN killed an executor that took more memory than its container has${used ? ` (${used})` : ""}`,
        overheadRemedy(evidence),
      ),
  },
  {
    pattern:
      /AM Container for appattempt_\S+ exited with\s+exitCode: (?:-104|137)|beyond the '?PHYSICAL'? memory limit\. Current usage: ([\d.]+ \w+ of [\d.]+ \w+)/,
    isFatal: true,
    read: ([, used]) => outOfMemory(`YARN killed the driver's container${used ? ` (${used})` : ""}`, driverRemedy),
  },
  {
    pattern: /Step failed with exitCode 137\b/,
    isFatal: true,
    read: () => outOfMemory("the driver was killed (exit code 137), as a node does that has none left", driverRemedy),
  },
  {
    pattern: /exit (?:status|code)(?: is)?:? 137\b|exitCode:? 137\b/i,
    isFatal: true,
    read: (_, evidence) =>
      outOfMemory(
        "an executor was killed (exit code 137), as a node does that has none left",
        overheadRemedy(evidence),
      ),
  },
  {
    pattern: /Executor heartbeat timed out after (\d+) ms/,
    isFatal: true,
    read: ([, ms], evidence) =>
      outOfMemory(
        `probably; an executor gave no sign of life for ${Math.round(Number(ms) / 1000)} s, as one that only collects garbage does`,
        raise("executorMemory", evidence),
      ),
  },
  {
    pattern: /java\.lang\.OutOfMemoryError(?:: ([^\n]+))?/,
    isFatal: true,
    read: ([, what], evidence) => {
      const isExecutor = /\(\S+ executor \d+\): java\.lang\.OutOfMemoryError/.test(evidence.text);
      return outOfMemory(
        `java.lang.OutOfMemoryError${what ? `: ${what}` : ""} in ${isExecutor ? "an executor" : "the driver"}`,
        isExecutor ? raise("executorMemory", evidence) : driverRemedy,
      );
    },
  },
  {
    pattern: /System memory \d+ must be at least (\d+)/,
    read: () => outOfMemory("the driver's heap is smaller than Spark's least", driverRemedy),
  },
  {
    pattern: /^(?:[\w.]+\.)?_?(?:Array)?MemoryError\b(?:: (.+))?/m,
    isFatal: true,
    read: ([, what], evidence) =>
      outOfMemory(`a Python worker could get no more${what ? `: ${what}` : ""}`, overheadRemedy(evidence)),
  },
  {
    pattern: /Python worker exited unexpectedly \(crashed\)/,
    isFatal: true,
    read: (_, evidence) => outOfMemory("a Python worker was killed while it worked", overheadRemedy(evidence)),
  },
  {
    pattern: /Total size of serialized results of \d+ tasks? \(([^)]+)\) is bigger than spark\.driver\.maxResultSize/,
    isFatal: true,
    read: ([, size]) =>
      outOfMemory(`the driver was to collect ${size}, more than spark.driver.maxResultSize lets it`, driverRemedy),
  },
  {
    pattern: /Container released on a \*lost\* node|Exit status: -100\b/,
    isFatal: true,
    read: (_, evidence) => lostNode(evidence),
  },
  {
    pattern: /No space left on device|Disk quota exceeded|local-dirs (?:are bad|usable space is below)/,
    isFatal: true,
    read: ([what], evidence) => ({
      says: `A node's disk is full: ${what}`,
      section: "disk-full",
      remedy: raise("ebsGiB", evidence),
    }),
  },
  {
    // What S3 says since 2024: who may not do what, on what.
    pattern: /is not authorized to perform: (s3:\w+|kms:\w+) on resource: (?:"(arn:[^"]+)"|(arn:\S+))/,
    read: ([, action, quoted, bare]) => denied((quoted ?? bare ?? "").replace(/^arn:[\w-]+:s3:::/, "s3://"), action),
  },
  {
    pattern: /key '([^']+)' in bucket '([^']+)': AWS Error (?:ACCESS_DENIED|\S*403\S*)\D*? during (\w+) operation/,
    read: ([, key, bucket, operation]) => denied(`s3://${bucket}/${key}`, operation),
  },
  {
    pattern: /\((?:AccessDenied|403)\) when calling the (\w+) operation/,
    read: ([, operation], { text }) => denied(objectIn(text), operation),
  },
  {
    pattern: /AccessDeniedException: (s3[an]?:\/\/[^\s:]+)|AmazonS3Exception: [^\n]*Status Code: 403/,
    read: ([, what], { text }) => denied(what ?? objectIn(text), undefined),
  },
  {
    pattern: /(s3[an]?:\/\/\S+) does not exist|Path does not exist: (s3[an]?:\/\/\S+?)\.?(?:;|$)/m,
    read: ([, said, path]) => absent(said ?? path),
  },
  {
    pattern: /NoSuchBucket|NoSuchKey|AmazonS3Exception: [^\n]*Status Code: 404/,
    read: (_, { text }) => absent(objectIn(text)),
  },
  {
    pattern: /(?:ModuleNotFoundError: )?No module named '([^']+)'|ModuleNotFoundError|^ImportError|: ImportError/,
    read: ([, name]) => missingModule(name),
  },
  {
    pattern: /error=2, No such file or directory/,
    read: (_, { text }) => {
      const program = /Cannot run program "([^"]+)"/.exec(text)?.[1];
      return {
        ...(program ? { says: `${program} is not on the node` } : {}),
        section: "a-module-is-missing-on-a-node",
        remedy: "Start again: the bootstrap action makes the environment on every node of a new cluster",
      };
    },
  },
  {
    pattern: /^the model \S+ has sha256|Model provided (?:has|must have)|Could not open .*model|flatbuffer/i,
    read: () => ({
      section: "job-fails",
      remedy:
        "The model artifact is damaged or another one: make it again (npm run model -- --force), and deploy again (npm run deploy; on a laptop npm start)",
    }),
  },
];

/** Names of the EC2 quotas that a cluster counts against, as Service Quotas has them. */
const quotas = {
  ON_DEMAND: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (L-1216C47A)",
  SPOT: "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests (L-34B43A08)",
} as const;

/** What EMR says of a cluster that did not start, or that died. */
const clusterSigns: readonly FailurePattern[] = [
  {
    // AddJobFlowSteps and TerminateJobFlows for a cluster that has ended, or that EMR does not know any more.
    pattern: /shutting down, terminated, or finished may not be modified|Specified job flow ID does not exist/,
    read: () => ({
      says: "The cluster was already gone when the state began; an execution that is redriven finds its cluster so",
      section: "starting-again",
      remedy:
        "Start a new execution with the same input: features that are done are kept. A redrive brings no cluster back",
    }),
  },
  {
    pattern: /vcpu|instance limit|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|EC2 (?:instance )?quota/i,
    read: ([found], { text, cluster }) => {
      const isSpot = /spot/i.test(`${found} ${text}`) && cluster?.market !== "ON_DEMAND";
      const quota = quotas[isSpot ? "SPOT" : "ON_DEMAND"];
      return {
        says: `An EC2 quota is too small, ${quota}: ${text}`,
        section: "cluster-does-not-start",
        remedy: `Have the quota raised: ${quota}; or ask for fewer or smaller nodes (cluster.coreCount, cluster.coreType)`,
      };
    },
  },
  {
    pattern: /(?:number of active clusters|cluster limit|limit on the number of clusters)/i,
    read: (_, { text }) => ({
      says: `An EMR quota is too small, the number of active clusters: ${text}`,
      section: "cluster-does-not-start",
      remedy: "End clusters that nobody needs (aws emr list-clusters --active), or have the quota raised",
    }),
  },
  {
    pattern:
      /is not authorized to perform: (\S+)|AccessDenied|do not have permission|insufficient (?:EC2 )?permissions|Invalid InstanceProfile|ServiceRole/i,
    read: () => ({
      section: "cluster-does-not-start",
      remedy: "Deploy the stack again: it makes the roles; then see what the message says of them",
    }),
  },
  {
    pattern: /\bspot\b|SPOT_/i,
    read: () => ({
      section: "spot-capacity",
      remedy: 'Start again, with {"cluster": {"market": "ON_DEMAND"}} or another cluster.coreType',
    }),
  },
  {
    pattern:
      /INSUFFICIENT_?CAPACITY|insufficient (?:instance )?capacity|sufficient .*capacity|InsufficientInstanceCapacity/i,
    read: () => ({
      section: "spot-capacity",
      remedy: "Start again later, or with another cluster.coreType, or let config name a subnet in another zone",
    }),
  },
  {
    pattern: /NO_SLAVE_LEFT|\breclaimed\b|\blost\b|\bnodes? (?:was|were) terminated\b/i,
    read: (_, evidence) => ({ ...lostNode(evidence), says: evidence.text }),
  },
  {
    pattern: /\(States\.Timeout\)/,
    read: () => ({
      says: "The cluster was not ready within its time limit (States.Timeout)",
      section: "cluster-does-not-start",
      remedy: "Mostly EMR waits for nodes that EC2 has not: start again, with another cluster.coreType or market",
    }),
  },
  {
    pattern: /Rate exceeded|Throttl/i,
    read: () => ({ section: "cluster-does-not-start", remedy: "EMR or EC2 was busy: start again" }),
  },
];

/** What Lambda says of a function that did not come to throw an error of its own. */
const functionSigns: readonly FailurePattern[] = [
  {
    pattern: /signal: killed|Runtime\.OutOfMemory/,
    read: ([found]) =>
      outOfMemory(
        `the state's function was ended by Lambda (${found})`,
        "Raise the function's memoryMiB in infra/constructs/functions.ts and deploy",
      ),
  },
  {
    pattern: /Task timed out after [\d.]+ seconds/,
    read: ([found]) => ({
      says: `The state's function did not end in time (${found})`,
      section: "job-fails",
      remedy: "Start again; if it comes back, raise the function's timeout in infra/constructs/functions.ts and deploy",
    }),
  },
];

function match(signs: readonly FailurePattern[], line: string, evidence: Evidence): Explanation | undefined {
  for (const { pattern, read } of signs) {
    const found = pattern.exec(line);
    if (found) return read(found, evidence);
  }
  return undefined;
}

/** What a step's failure means, from the line that names it. */
export function readLine(line: string, evidence: Evidence): Explanation | undefined {
  return match(stepSigns, line, evidence);
}

/** What a whole log shows beyond doubt, when the line that should name the cause does not. */
export function readLog(evidence: Evidence): Explanation | undefined {
  return match(
    stepSigns.filter(({ isFatal }) => isFatal),
    evidence.text,
    evidence,
  );
}

/** What a function's error means, when it is not one of ours. */
export function readFunctionError(text: string): Explanation {
  const evidence = { text, cluster: undefined };
  const known = match(functionSigns, text, evidence);
  // The remedies of a step's failures are about nodes; a function has a role and memory of its own.
  return known ?? { section: match(stepSigns, text, evidence)?.section ?? "job-fails", remedy: null };
}

/** What EMR's own words about a cluster mean. */
export function readClusterMessage(
  text: string,
  cluster: ClusterPlan | undefined,
  otherwise: Section = "cluster-does-not-start",
): Explanation {
  return match(clusterSigns, text, { text, cluster }) ?? { section: otherwise, remedy: null };
}
