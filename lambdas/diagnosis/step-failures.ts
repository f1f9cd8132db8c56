import {
  type Evidence,
  type Explanation,
  explain,
  type FailurePattern,
  lostNode,
  outOfMemory,
  raise,
} from "./failure-pattern.ts";

const driverRemedy =
  "The driver's memory is no key of the input: give a limit, or raise driverMemory in the stack's configuration and deploy";

function overheadRemedy(evidence: Evidence): string {
  return `${raise("executorMemoryOverhead", evidence)}: Python's memory is outside the JVM's heap`;
}

/** Returns the s3:// URI that a log names in S3A's exception, which wraps the service's own, or in a command. */
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

/** Failures in the logs of a step, the most specific first. */
const stepFailures: readonly FailurePattern[] = [
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
    // S3 has named the principal, action and resource since 2024.
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

/** Explains a step's failure by the line that names it. */
export function readLine(line: string, evidence: Evidence): Explanation | undefined {
  return explain(stepFailures, line, evidence);
}

/** Explains a failure by the whole log, for when the line that should name the cause does not. Uses fatal patterns only. */
export function readLog(evidence: Evidence): Explanation | undefined {
  return explain(
    stepFailures.filter(({ isFatal }) => isFatal),
    evidence.text,
    evidence,
  );
}
