import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Deployed } from "./account/deployed.ts";

/** A deliberate error in the deployed stack, which some scenario must detect. */
export interface Mutation {
  readonly name: string;
  /** The changed state, if only a failure of that state shows the error. */
  readonly state?: string;
  /** Whether only an execution that is redriven shows the error. @default false */
  readonly needsRedrive?: boolean;
  readonly apply: (deployed: Deployed) => Deployed;
}

// biome-ignore lint/suspicious/noExplicitAny: a mutation may change any member to any value
type States = Record<string, any>;

const cleanUp = "TerminateClusterAfterFailure";

/** Changes the definition's states. */
function inStates(name: string, change: (states: States) => void, state?: string): Mutation {
  return {
    name,
    ...(state !== undefined && { state }),
    apply: (deployed) => {
      const definition = structuredClone(deployed.definition);
      change(definition.States as States);
      return { ...deployed, definition };
    },
  };
}

function withoutCatch(state: string): Mutation {
  return inStates(`${state} has no Catch`, (states) => delete states[state].Catch, state);
}

function caughtTo(state: string, next: string): Mutation {
  const change = (states: States) => {
    states[state].Catch[0].Next = next;
  };
  return inStates(`a failure of ${state} leads to ${next}`, change, state);
}

function caughtAt(state: string, path: string | null): Mutation {
  const change = (states: States) => {
    states[state].Catch[0].ResultPath = path;
  };
  return inStates(`a failure of ${state} is written to ${path}`, change, state);
}

function followedBy(state: string, next: string): Mutation {
  return inStates(`${state} is followed by ${next}`, (states) => {
    states[state].Next = next;
  });
}

/** Changes the EventBridge rules and schedules. */
function inRules(name: string, change: (rules: States[]) => States[]): Mutation {
  return {
    name,
    apply: (deployed) => ({ ...deployed, rules: change(structuredClone(deployed.rules) as never) as never }),
  };
}

/** Replaces text in every bundle that has it. @throws Error if none has it */
function inFunctions(name: string, text: RegExp, changed: string, needsRedrive = false): Mutation {
  return {
    name,
    needsRedrive,
    apply: (deployed) => {
      const functions = deployed.functions.map((one) => {
        const code = readFileSync(join(one.folder, "index.mjs"), "utf8");
        if (!text.test(code)) return one;
        const folder = `${one.folder}-mutant`;
        cpSync(one.folder, folder, { recursive: true });
        writeFileSync(join(folder, "index.mjs"), code.replace(text, changed));
        return { ...one, folder };
      });
      if (functions.every((one) => deployed.functions.includes(one)))
        throw new Error(`No bundle has ${text}; adapt the mutation to the functions.`);
      return { ...deployed, functions };
    },
  };
}

export const mutations: readonly Mutation[] = [
  ...[
    "Preflight",
    "UploadScripts",
    "CreateCluster",
    "SetManagedScaling",
    "Inventory",
    "ConfirmQuote",
    "ReduceDimensions",
  ].map(withoutCatch),
  ...[
    "ValidateResults",
    "TerminateCluster",
    "WriteReport",
    "NotifySuccess",
    cleanUp,
    "ConfirmTerminated",
    "DiagnoseFailure",
    "NotifyFailure",
  ].map(withoutCatch),
  caughtTo("CreateCluster", "DiagnoseFailure"),
  caughtTo("ExtractFeatures", "DiagnoseFailure"),
  caughtTo("Preflight", "NotifyFailure"),
  caughtTo("WriteReport", cleanUp),
  caughtTo("NotifySuccess", cleanUp),
  caughtTo("DiagnoseFailure", "NotifyFailure"),
  caughtAt("Inventory", "$"),
  caughtAt("Inventory", null),
  caughtAt(cleanUp, "$.error"),
  caughtAt("ConfirmTerminated", "$.error"),
  caughtAt("NotifyFailure", "$.error"),
  followedBy("ReduceDimensions", "TerminateCluster"),
  followedBy("ValidateResults", "NotifySuccess"),
  followedBy("RecordCost", "NotifySuccess"),
  followedBy("WriteReport", "Succeeded"),
  followedBy(cleanUp, "DiagnoseFailure"),
  inStates("the teardown comes after the mail", (states) => {
    for (const { Catch: [catcher] = [] } of Object.values(states)) {
      if (catcher?.Next === cleanUp) catcher.Next = "DiagnoseFailure";
    }
    states["NotifyFailure"].Next = cleanUp;
    states["NotifyFailure"].Catch[0].Next = cleanUp;
    states["ConfirmTerminated"].Next = "Failed";
    states["ConfirmTerminated"].Catch[0].Next = "Failed";
    states[cleanUp].Catch[0].Next = "Failed";
  }),
  inStates("CreateCluster is retried", (states) => {
    states["CreateCluster"].Retry = [{ ErrorEquals: ["States.ALL"], MaxAttempts: 2 }];
  }),
  inStates("the id of the created cluster is lost", (states) => {
    states["CreateCluster"].ResultPath = null;
  }),
  inStates("the cluster has no tag of the execution", (states) => {
    states["CreateCluster"].Parameters.Tags.shift();
  }),
  inStates("the cluster has no tag of the stack", (states) => {
    const { Parameters } = states["CreateCluster"];
    Parameters.Tags = Parameters.Tags.filter(({ Key }: { Key: string }) => Key !== "orchard:stack");
  }),
  inStates("the cluster's tag names the state machine, not the execution", (states) => {
    states["CreateCluster"].Parameters.Tags[0] = { Key: "orchard:execution-arn", Value: "Orchard" };
  }),
  inStates("the cluster's name does not contain the run", (states) => {
    delete states["CreateCluster"].Parameters["Name.$"];
    states["CreateCluster"].Parameters.Name = "orchard";
  }),
  inStates("the teardown is not retried", (states) => delete states[cleanUp].Retry, cleanUp),
  inStates(
    "ConfirmTerminated does not wait",
    (states) => delete states["ConfirmTerminated"].Retry,
    "ConfirmTerminated",
  ),
  inStates(
    "the mail about a failure is not retried",
    (states) => delete states["NotifyFailure"].Retry,
    "NotifyFailure",
  ),
  inStates(
    "the mail about a success is retried only if Lambda is throttled",
    (states) => {
      states["NotifySuccess"].Retry[0].ErrorEquals = ["Lambda.TooManyRequestsException"];
    },
    "NotifySuccess",
  ),
  inStates("a step has no time-out", (states) => delete states["Inventory"].TimeoutSecondsPath),
  inStates("a step may take eight hours, whatever its quote", (states) => {
    delete states["ExtractFeatures"].TimeoutSecondsPath;
    states["ExtractFeatures"].TimeoutSeconds = 28_800;
  }),
  inStates("the start of a cluster has no time-out", (states) => delete states["CreateCluster"].TimeoutSeconds),
  inStates("the results are not validated", (states) => {
    states["ReduceDimensions"].Next = "TerminateCluster";
  }),
  inStates("the execution ends with the error of its clean-up", (states) => {
    states["Failed"].ErrorPath = "$.teardownError.Error";
  }),
  inStates("a failed execution succeeds", (states) => {
    states["NotifyFailure"].Next = "Succeeded";
  }),
  inStates("an execution does not wait for the end of its cluster", (states) => {
    states["TerminateCluster"].Resource = "arn:aws:states:::elasticmapreduce:terminateCluster";
  }),
  inRules("the status rule ignores stopped executions", (rules) =>
    rules.map((rule) => {
      const { pattern } = rule as { pattern?: { detail: { status: string[] } } };
      if (pattern) pattern.detail.status = pattern.detail.status.filter((status) => status !== "ABORTED");
      return rule;
    }),
  ),
  inRules("the status rule ignores time-outs", (rules) =>
    rules.map((rule) => {
      const { pattern } = rule as { pattern?: { detail: { status: string[] } } };
      if (pattern) pattern.detail.status = pattern.detail.status.filter((status) => status !== "TIMED_OUT");
      return rule;
    }),
  ),
  // The bundles are minified, so patterns rely on text and not on names.
  inFunctions(
    "a status event counts although the execution is running again",
    /[\w$]+\([\w$]+\)(?=\?!0:\([\w$]+\.warn\(`[^`]* its clusters were left)/,
    "true",
    true,
  ),
  inFunctions(
    "a mail about a stopped execution is sent although it is running again",
    /[\w$]+!=="ABORTED"/,
    "false",
    true,
  ),
  inFunctions(
    "the diagnosis does not name the reason why a step failed",
    /cause:[\w$]+\?\.cause\?\?[\w$]+/,
    'cause:"The step failed"',
  ),
  inRules("there is no status rule", (rules) => rules.filter((rule) => rule["pattern"] === undefined)),
  inStates("a kept cluster has no deadline", (states) => {
    states["KeepCluster"] = {
      Type: "Pass",
      Result: { clusterId: "j-1", until: "2026-01-05T10:00:00Z", usdPerHour: 1 },
      ResultPath: "$.kept",
      Next: "NotifySuccess",
    };
  }),
  inStates("a reused cluster is terminated after a success", (states) => states["LeaveCluster"].Choices.shift()),
  inStates("a run that reuses a cluster creates another one", (states) => {
    states["ClusterGiven"].Default = "CreateCluster";
  }),
  inStates("the cluster has no tag of its wheelhouse", (states) => states["CreateCluster"].Parameters.Tags.pop()),
  inStates("later states do not know that the cluster is reused", (states) => {
    states["UseKeptCluster"].ResultPath = "$";
    states["UseKeptCluster"].Parameters = {
      "input.$": "$.input",
      "scripts.$": "$.scripts",
      cluster: { "id.$": "$.plan.borrowed.clusterId" },
      plan: {
        "steps.$": "$.plan.steps",
        "cluster.$": "$.plan.cluster",
        "keepMinutes.$": "$.plan.keepMinutes",
        "stepLimits.$": "$.plan.stepLimits",
        borrowed: null,
      },
    };
  }),
  // The run succeeds although its cluster could not be kept, and leaves the cluster running.
  caughtTo("KeepCluster", "NotifySuccess"),
  inFunctions(
    "the sweep ignores clusters of executions that ended without success",
    /[\w$]+\([\w$]+\)\|\|(?=[\w$]+==="SUCCEEDED"\|\|)/,
    "",
  ),
  inRules("the sweep runs every five hours", (rules) =>
    rules.map((rule) => (rule["everyMs"] === undefined ? rule : { ...rule, everyMs: 5 * 3_600_000 })),
  ),
  inRules("there is no sweep", (rules) => rules.filter((rule) => rule["everyMs"] === undefined)),
];
