import {
  type Evidence,
  type Explanation,
  explainByPattern,
  type FailurePattern,
  lostNode,
  outOfMemory,
  raise,
} from "./failure-pattern.ts";

const driverRemedy =
  "Give the run a limit, or raise driverMemory in the stack's configuration and deploy: the input has no key for the driver's memory";

function overheadRemedy(evidence: Evidence): string {
  return `${raise("executorMemoryOverhead", evidence)}: Python's memory is outside the JVM's heap`;
}

/** Finds the s3:// URI in S3A's exception, which wraps the service's own exception. */
function objectIn(text: string): string | undefined {
  return /(?:AccessDeniedException|FileNotFoundException|UnknownStoreException): `?(s3[an]?:\/\/[^\s:']+)/.exec(
    text,
  )?.[1];
}

/** Replaces the URI schemes of Hadoop's S3 clients. */
function withS3Scheme(uri: string): string {
  return uri.replace(/^s3[an]:/, "s3:");
}

function accessDenied(uri: string | undefined, operation: string | undefined): Explanation {
  return {
    cause: `S3 access denied${uri ? ` to ${withS3Scheme(uri)}` : ""}${operation ? ` (${operation})` : ""}`,
    section: "s3-access-denied",
    remedy:
      "Grant this to the nodes' role (EmrRolesInstanceRole of the stack), and check the bucket's policy and KMS key",
  };
}

function missingObject(uri: string | undefined): Explanation {
  return {
    ...(uri ? { cause: `${withS3Scheme(uri)} does not exist` } : {}),
    section: "job-fails",
    remedy: "Upload it, or name another location in the input",
  };
}

function missingModule(name: string | undefined): Explanation {
  return {
    section: "a-module-is-missing-on-a-node",
    remedy:
      name?.split(".")[0] === "orchard"
        ? "Deploy the stack again: the UploadScripts function contains this package"
        : "Add the package to bootstrap/requirements.in, lock it, and deploy again (npm run deploy; on a laptop npm start): that builds the wheelhouse",
  };
}

/** Failures in the logs of a step, the most specific pattern first. */
const stepFailures: readonly FailurePattern[] = [
  {
    pattern:
      /Container killed by YARN for exceeding (?:physical |virtual )?memory limits\.?(?: ([\d.]+ \w+ of [\d.]+ \w+))?/,
    isFatal: true,
    explain: ([, used], evidence) =>
      outOfMemory(
        `YARN killed an executor that used more memory than its container has${used ? ` (${used})` : ""}`,
        overheadRemedy(evidence),
      ),
  },
  {
    pattern:
      /AM Container for appattempt_\S+ exited with\s+exitCode: (?:-104|137)|beyond the '?PHYSICAL'? memory limit\. Current usage: ([\d.]+ \w+ of [\d.]+ \w+)/,
    isFatal: true,
    explain: ([, used]) => outOfMemory(`YARN killed the driver's container${used ? ` (${used})` : ""}`, driverRemedy),
  },
  {
    pattern: /Step failed with exitCode 137\b/,
    isFatal: true,
    explain: () =>
      outOfMemory("the driver was killed (exit code 137), which happens when a node runs out of memory", driverRemedy),
  },
  {
    pattern: /exit (?:status|code)(?: is)?:? 137\b|exitCode:? 137\b/i,
    isFatal: true,
    explain: (_, evidence) =>
      outOfMemory(
        "an executor was killed (exit code 137), which happens when a node runs out of memory",
        overheadRemedy(evidence),
      ),
  },
  {
    pattern: /Executor heartbeat timed out after (\d+) ms/,
    isFatal: true,
    explain: ([, ms], evidence) =>
      outOfMemory(
        `probably; an executor sent no heartbeat for ${Math.round(Number(ms) / 1000)} s, which long garbage collection causes`,
        raise("executorMemory", evidence),
      ),
  },
  {
    pattern: /java\.lang\.OutOfMemoryError(?:: ([^\n]+))?/,
    isFatal: true,
    explain: ([, detail], evidence) => {
      const isExecutor = /\(\S+ executor \d+\): java\.lang\.OutOfMemoryError/.test(evidence.text);
      return outOfMemory(
        `java.lang.OutOfMemoryError${detail ? `: ${detail}` : ""} in ${isExecutor ? "an executor" : "the driver"}`,
        isExecutor ? raise("executorMemory", evidence) : driverRemedy,
      );
    },
  },
  {
    pattern: /System memory \d+ must be at least (\d+)/,
    explain: () => outOfMemory("the driver's heap is smaller than Spark's minimum", driverRemedy),
  },
  {
    pattern: /^(?:[\w.]+\.)?_?(?:Array)?MemoryError\b(?:: (.+))?/m,
    isFatal: true,
    explain: ([, detail], evidence) =>
      outOfMemory(`a Python worker could not allocate memory${detail ? `: ${detail}` : ""}`, overheadRemedy(evidence)),
  },
  {
    pattern: /Python worker exited unexpectedly \(crashed\)/,
    isFatal: true,
    explain: (_, evidence) => outOfMemory("a Python worker was killed", overheadRemedy(evidence)),
  },
  {
    pattern: /Total size of serialized results of \d+ tasks? \(([^)]+)\) is bigger than spark\.driver\.maxResultSize/,
    isFatal: true,
    explain: ([, size]) =>
      outOfMemory(
        `the driver would have to collect ${size}, more than spark.driver.maxResultSize allows`,
        driverRemedy,
      ),
  },
  {
    pattern: /Container released on a \*lost\* node|Exit status: -100\b/,
    isFatal: true,
    explain: (_, evidence) => lostNode(evidence),
  },
  {
    pattern: /No space left on device|Disk quota exceeded|local-dirs (?:are bad|usable space is below)/,
    isFatal: true,
    explain: ([message], evidence) => ({
      cause: `A node's disk is full: ${message}`,
      section: "disk-full",
      remedy: raise("ebsGiB", evidence),
    }),
  },
  {
    // Since 2024, S3's message names the principal, the action and the resource.
    pattern: /is not authorized to perform: (s3:\w+|kms:\w+) on resource: (?:"(arn:[^"]+)"|(arn:\S+))/,
    explain: ([, action, quoted, bare]) =>
      accessDenied((quoted ?? bare ?? "").replace(/^arn:[\w-]+:s3:::/, "s3://"), action),
  },
  {
    pattern: /key '([^']+)' in bucket '([^']+)': AWS Error (?:ACCESS_DENIED|\S*403\S*)\D*? during (\w+) operation/,
    explain: ([, key, bucket, operation]) => accessDenied(`s3://${bucket}/${key}`, operation),
  },
  {
    pattern: /\((?:AccessDenied|403)\) when calling the (\w+) operation/,
    explain: ([, operation], { text }) => accessDenied(objectIn(text), operation),
  },
  {
    pattern: /AccessDeniedException: (s3[an]?:\/\/[^\s:]+)|AmazonS3Exception: [^\n]*Status Code: 403/,
    explain: ([, uri], { text }) => accessDenied(uri ?? objectIn(text), undefined),
  },
  {
    pattern: /(s3[an]?:\/\/\S+) does not exist|Path does not exist: (s3[an]?:\/\/\S+?)\.?(?:;|$)/m,
    explain: ([, statedUri, sparkUri]) => missingObject(statedUri ?? sparkUri),
  },
  {
    pattern: /NoSuchBucket|NoSuchKey|AmazonS3Exception: [^\n]*Status Code: 404/,
    explain: (_, { text }) => missingObject(objectIn(text)),
  },
  {
    pattern: /(?:ModuleNotFoundError: )?No module named '([^']+)'|ModuleNotFoundError|^ImportError|: ImportError/,
    explain: ([, name]) => missingModule(name),
  },
  {
    pattern: /error=2, No such file or directory/,
    explain: (_, { text }) => {
      const program = /Cannot run program "([^"]+)"/.exec(text)?.[1];
      return {
        ...(program ? { cause: `${program} is not on the node` } : {}),
        section: "a-module-is-missing-on-a-node",
        remedy: "Start again: the bootstrap action installs the environment on every node of a new cluster",
      };
    },
  },
  {
    pattern: /^the model \S+ has sha256|Model provided (?:has|must have)|Could not open .*model|flatbuffer/i,
    explain: () => ({
      section: "job-fails",
      remedy:
        "The model artifact is damaged or not the deployed one: build it again (npm run model -- --force), and deploy again (npm run deploy; on a laptop npm start)",
    }),
  },
];

/** Explains a step's failure by a line that names the cause. */
export function explainLine(line: string, evidence: Evidence): Explanation | undefined {
  return explainByPattern(stepFailures, line, evidence);
}

/** Explains a step's failure by a fatal pattern anywhere in the log. */
export function explainFatal(evidence: Evidence): Explanation | undefined {
  return explainByPattern(
    stepFailures.filter(({ isFatal }) => isFatal),
    evidence.text,
    evidence,
  );
}
