import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Deployed } from "./account/deployed.ts";

/** A deliberate error in what is deployed, which a scenario has to catch. */
export interface Mutation {
  readonly name: string;
  readonly apply: (deployed: Deployed) => Deployed;
}

// biome-ignore lint/suspicious/noExplicitAny: a mutation may put anything anywhere
type States = Record<string, any>;

const cleanUp = "TerminateClusterAfterFailure";

/** Changes a copy of the definition's states. */
function inStates(name: string, change: (states: States) => void): Mutation {
  return {
    name,
    apply: (deployed) => {
      const definition = structuredClone(deployed.definition);
      change(definition.States as States);
      return { ...deployed, definition };
    },
  };
}

function withoutCatch(state: string): Mutation {
  return inStates(`${state} has no Catch`, (states) => delete states[state].Catch);
}

function caughtTo(state: string, next: string): Mutation {
  return inStates(`a failure of ${state} leads to ${next}`, (states) => {
    states[state].Catch[0].Next = next;
  });
}

function caughtAt(state: string, path: string | null): Mutation {
  return inStates(`a failure of ${state} is written to ${path}`, (states) => {
    states[state].Catch[0].ResultPath = path;
  });
}

function followedBy(state: string, next: string): Mutation {
  return inStates(`${state} is followed by ${next}`, (states) => {
    states[state].Next = next;
  });
}

function inRules(name: string, change: (rules: States[]) => States[]): Mutation {
  return {
    name,
    apply: (deployed) => ({ ...deployed, rules: change(structuredClone(deployed.rules) as never) as never }),
  };
}

/** Changes a copy of the bundles that have the text. @throws Error when none has it (any more) */
function inFunctions(name: string, text: RegExp, changed: string): Mutation {
  return {
    name,
    apply: (deployed) => {
      const functions = deployed.functions.map((one) => {
        const code = readFileSync(join(one.folder, "index.mjs"), "utf8");
        if (!text.test(code)) return one;
        const folder = `${one.folder}-mutant`;
        cpSync(one.folder, folder, { recursive: true });
        writeFileSync(join(folder, "index.mjs"), code.replace(text, changed));
        return { ...one, folder };
      });
      if (functions.every((one) => deployed.functions.includes(one))) throw new Error(`No bundle has ${text}`);
      return { ...deployed, functions };
    },
  };
}

export const mutations: readonly Mutation[] = [
  ...["Preflight", "UploadScripts", "CreateCluster", "SetManagedScaling", "Inventory", "ReduceDimensions"].map(
    withoutCatch,
  ),
  ...[
    "ValidateResults",
    "TerminateCluster",
    "NotifySuccess",
    cleanUp,
    "ConfirmTerminated",
    "DiagnoseFailure",
    "NotifyFailure",
  ].map(withoutCatch),
  caughtTo("CreateCluster", "DiagnoseFailure"),
  caughtTo("ExtractFeatures", "DiagnoseFailure"),
  caughtTo("Preflight", "NotifyFailure"),
  caughtTo("NotifySuccess", cleanUp),
  caughtTo("DiagnoseFailure", "NotifyFailure"),
  caughtAt("Inventory", "$"),
  caughtAt("Inventory", null),
  caughtAt(cleanUp, "$.error"),
  caughtAt("ConfirmTerminated", "$.error"),
  caughtAt("NotifyFailure", "$.error"),
  followedBy("ReduceDimensions", "TerminateCluster"),
  followedBy("ValidateResults", "NotifySuccess"),
  followedBy(cleanUp, "DiagnoseFailure"),
  inStates("the teardown comes after the notification", (states) => {
    for (const { Catch: [catcher] = [] } of Object.values(states)) {
      if (catcher?.Next === cleanUp) catcher.Next = "DiagnoseFailure";
    }
    states["NotifyFailure"].Next = cleanUp;
    states["NotifyFailure"].Catch[0].Next = cleanUp;
    states["ConfirmTerminated"].Next = "Failed";
    states["ConfirmTerminated"].Catch[0].Next = "Failed";
    states[cleanUp].Catch[0].Next = "Failed";
  }),
  inStates("CreateCluster is tried again", (states) => {
    states["CreateCluster"].Retry = [{ ErrorEquals: ["States.ALL"], MaxAttempts: 2 }];
  }),
  inStates("CreateCluster keeps no id", (states) => {
    states["CreateCluster"].ResultPath = null;
  }),
  inStates("the cluster does not bear the execution's tag", (states) => {
    states["CreateCluster"].Parameters.Tags.shift();
  }),
  inStates("the cluster bears the state machine's name as its tag", (states) => {
    states["CreateCluster"].Parameters.Tags[0] = { Key: "orchard:execution-arn", Value: "Orchard" };
  }),
  inStates("the cluster has another name", (states) => {
    delete states["CreateCluster"].Parameters["Name.$"];
    states["CreateCluster"].Parameters.Name = "orchard";
  }),
  inStates("the teardown is tried once", (states) => delete states[cleanUp].Retry),
  inStates("ConfirmTerminated does not wait", (states) => delete states["ConfirmTerminated"].Retry),
  inStates("the notification of a failure is tried once", (states) => delete states["NotifyFailure"].Retry),
  inStates("the notification of a success is tried only when Lambda is busy", (states) => {
    states["NotifySuccess"].Retry[0].ErrorEquals = ["Lambda.TooManyRequestsException"];
  }),
  inStates("a step may run for ever", (states) => delete states["Inventory"].TimeoutSeconds),
  inStates("a cluster may start for ever", (states) => delete states["CreateCluster"].TimeoutSeconds),
  inStates("the results may be anything", (states) => {
    states["ReduceDimensions"].Next = "TerminateCluster";
  }),
  inStates("the execution ends with the clean-up's error", (states) => {
    states["Failed"].ErrorPath = "$.teardownError.Error";
  }),
  inStates("a failed execution succeeds", (states) => {
    states["NotifyFailure"].Next = "Succeeded";
  }),
  inStates("the cluster is not waited for", (states) => {
    states["TerminateCluster"].Resource = "arn:aws:states:::elasticmapreduce:terminateCluster";
  }),
  inRules("the status rule does not hear of stopped executions", (rules) =>
    rules.map((rule) => {
      const { pattern } = rule as { pattern?: { detail: { status: string[] } } };
      if (pattern) pattern.detail.status = pattern.detail.status.filter((status) => status !== "ABORTED");
      return rule;
    }),
  ),
  inRules("the status rule does not hear of time-outs", (rules) =>
    rules.map((rule) => {
      const { pattern } = rule as { pattern?: { detail: { status: string[] } } };
      if (pattern) pattern.detail.status = pattern.detail.status.filter((status) => status !== "TIMED_OUT");
      return rule;
    }),
  ),
  // The bundles are minified: names are unknown, texts are not.
  inFunctions(
    "a late status event is believed",
    /[\w$]+\([\w$]+\)(?=\?!0:\([\w$]+\.warn\(`[^`]* its clusters were left)/,
    "true",
  ),
  inFunctions("the mail about a stopped execution believes its event", /[\w$]+!=="ABORTED"/, "false"),
  inFunctions(
    "the diagnosis says the same of every step that failed",
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
  inStates("a borrowed cluster is ended after a success", (states) => states["LeaveCluster"].Choices.shift()),
  inStates("a run that is given a cluster creates another", (states) => {
    states["ClusterGiven"].Default = "CreateCluster";
  }),
  inStates("the cluster does not say which wheels it has", (states) => states["CreateCluster"].Parameters.Tags.pop()),
  inStates("nobody learns that a cluster was borrowed", (states) => {
    states["UseKeptCluster"].ResultPath = "$";
    states["UseKeptCluster"].Parameters = {
      "input.$": "$.input",
      "scripts.$": "$.scripts",
      cluster: { "id.$": "$.plan.borrowed.clusterId" },
      plan: {
        "steps.$": "$.plan.steps",
        "cluster.$": "$.plan.cluster",
        "keepMinutes.$": "$.plan.keepMinutes",
        borrowed: null,
      },
    };
  }),
  inStates("a cluster that could not be kept is left", (states) => {
    states["KeepCluster"].Catch[0].Next = "NotifySuccess";
  }),
  inFunctions(
    "the sweep ends nothing of an execution that failed, was stopped or ran out of time",
    /[\w$]+\([\w$]+\)\|\|(?=[\w$]+==="SUCCEEDED"\|\|)/,
    "",
  ),
  inRules("the sweep comes every five hours", (rules) =>
    rules.map((rule) => (rule["everyMs"] === undefined ? rule : { ...rule, everyMs: 5 * 3_600_000 })),
  ),
  inRules("there is no sweeper", (rules) => rules.filter((rule) => rule["everyMs"] === undefined)),
];
