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
  return /(?:AccessDeniedException|FileNotFoundException|UnknownStoreException): `?(s3[an]?:\/\/[^\s:']{1,1100})/.exec(
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
        : "Add the package to bootstrap/requirements.in, lock it, and deploy again (orchard deploy; on a laptop orchard start): that builds the wheelhouse",
  };
}

/**
 * Failures in the logs of a step, the most specific pattern first. Every quantifier has an upper bound, because an
 * unbounded one can take time that grows with the square of a line's length.
 */
const stepFailures: readonly FailurePattern[] = [
  {
    pattern:
      /Container killed by YARN for exceeding (?:physical |virtual )?memory limits\.?(?: ([\d.]{1,9} \w{1,3} of [\d.]{1,9} \w{1,3}))?/,
    isFatal: true,
    explain: ([, used], evidence) =>
      outOfMemory(
        `YARN killed an executor that used more memory than its container has${used ? ` (${used})` : ""}`,
        overheadRemedy(evidence),
      ),
  },
  {
    pattern:
      /AM Container for appattempt_\w{1,60} exited with\s{1,9}exitCode: (?:-104|137)|beyond the '?PHYSICAL'? memory limit\. Current usage: ([\d.]{1,9} \w{1,3} of [\d.]{1,9} \w{1,3})/,
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
    pattern: /Executor heartbeat timed out after (\d{1,12}) ms/,
    isFatal: true,
    explain: ([, ms], evidence) =>
      outOfMemory(
        `probably; an executor sent no heartbeat for ${Math.round(Number(ms) / 1000)} s, which long garbage collection causes`,
        raise("executorMemory", evidence),
      ),
  },
  {
    pattern: /java\.lang\.OutOfMemoryError(?:: ([^\n]{1,300}))?/,
    isFatal: true,
    explain: ([, detail], evidence) => {
      const isExecutor = /\(\S{1,100} executor \d{1,9}\): java\.lang\.OutOfMemoryError/.test(evidence.text);
      return outOfMemory(
        `java.lang.OutOfMemoryError${detail ? `: ${detail}` : ""} in ${isExecutor ? "an executor" : "the driver"}`,
        isExecutor ? raise("executorMemory", evidence) : driverRemedy,
      );
    },
  },
  {
    pattern: /System memory \d{1,20} must be at least (\d{1,20})/,
    explain: () => outOfMemory("the driver's heap is smaller than Spark's minimum", driverRemedy),
  },
  {
    pattern: /^(?:[\w.]{1,100}\.)?_?(?:Array)?MemoryError\b(?:: (.{1,300}))?/m,
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
    pattern:
      /Total size of serialized results of \d{1,9} tasks? \(([^)]{1,40})\) is bigger than spark\.driver\.maxResultSize/,
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
    pattern:
      /is not authorized to perform: (s3:\w{1,60}|kms:\w{1,60}) on resource: (?:"(arn:[^"]{1,1200})"|(arn:\S{1,1200}))/,
    explain: ([, action, quoted, bare]) =>
      accessDenied((quoted ?? bare ?? "").replace(/^arn:[\w-]{1,20}:s3:::/, "s3://"), action),
  },
  {
    pattern:
      /key '([^']{1,1024})' in bucket '([^']{1,63})': AWS Error (?=[^\n]{0,40}(?:ACCESS_DENIED|403))[^\n]{0,150}? during (\w{1,60}) operation/,
    explain: ([, key, bucket, operation]) => accessDenied(`s3://${bucket}/${key}`, operation),
  },
  {
    pattern: /\((?:AccessDenied|403)\) when calling the (\w{1,60}) operation/,
    explain: ([, operation], { text }) => accessDenied(objectIn(text), operation),
  },
  {
    pattern: /AccessDeniedException: (s3[an]?:\/\/[^\s:]{1,1100})|AmazonS3Exception: [^\n]{0,1000}Status Code: 403/,
    explain: ([, uri], { text }) => accessDenied(uri ?? objectIn(text), undefined),
  },
  {
    pattern: /(s3[an]?:\/\/\S{1,1100}) does not exist|Path does not exist: (s3[an]?:\/\/\S{1,1100}?)\.?(?:;|$)/m,
    explain: ([, statedUri, sparkUri]) => missingObject(statedUri ?? sparkUri),
  },
  {
    pattern: /NoSuchBucket|NoSuchKey|AmazonS3Exception: [^\n]{0,1000}Status Code: 404/,
    explain: (_, { text }) => missingObject(objectIn(text)),
  },
  {
    pattern: /(?:ModuleNotFoundError: )?No module named '([^']{1,200})'|ModuleNotFoundError|^ImportError|: ImportError/,
    explain: ([, name]) => missingModule(name),
  },
  {
    pattern: /error=2, No such file or directory/,
    explain: (_, { text }) => {
      const program = /Cannot run program "([^"]{1,500})"/.exec(text)?.[1];
      return {
        ...(program ? { cause: `${program} is not on the node` } : {}),
        section: "a-module-is-missing-on-a-node",
        remedy: "Start again: the bootstrap action installs the environment on every node of a new cluster",
      };
    },
  },
  {
    pattern:
      /^the model \S{1,1100} has sha256|Model provided (?:has|must have)|Could not open .{0,300}model|flatbuffer/i,
    explain: () => ({
      section: "job-fails",
      remedy:
        "The model artifact is damaged or not the deployed one: build it again (orchard model --force), and deploy again (orchard deploy; on a laptop orchard start)",
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
