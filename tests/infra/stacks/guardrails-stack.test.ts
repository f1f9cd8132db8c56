import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { ignoredRules } from "../../../infra/check/cfn-lint.ts";
import { GuardrailsStack } from "../../../infra/stacks/guardrails-stack.ts";
import { PipelineStack } from "../../../infra/stacks/pipeline-stack.ts";
import { configWith, temporaryFolder } from "../fixtures.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const schedule = {
  scheduleExpression: "cron(0 3 ? * MON *)",
  scheduleTimeZone: "Europe/Paris",
  scheduleInput: '{"mode": "full", "maxCostUsd": 5}',
};

const outdir = temporaryFolder();

/** Skips the bundling of the functions, which does not change the templates. */
function synthesize(knobs: Readonly<Record<string, unknown>>) {
  const app = new App({ outdir, context: { "aws:cdk:bundling-stacks": [] } });
  const env = { account: "000000000000", region: "eu-west-1" };
  const config = configWith(knobs, env.region);
  const pipeline = new PipelineStack(app, "Orchard", { config, env });
  const guardrails = new GuardrailsStack(app, "OrchardGuardrails", { config, env, pipeline });
  return { pipeline: Template.fromStack(pipeline), guardrails: Template.fromStack(guardrails) };
}

const templates = synthesize({ ...schedule, notificationEmail: "you@example.org" });

interface AlarmResource {
  readonly Properties: {
    readonly AlarmActions: readonly unknown[];
    readonly AlarmDescription: string;
    readonly MetricName: string;
    readonly Namespace: string;
    readonly Threshold: number;
    readonly Period: number;
    readonly Statistic: string;
    readonly EvaluationPeriods: number;
    readonly ComparisonOperator: string;
    readonly TreatMissingData: string;
    readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
  };
}
const alarms = Object.values(
  templates.guardrails.findResources("AWS::CloudWatch::Alarm"),
) as unknown as AlarmResource[];

describe("the stack OrchardGuardrails", () => {
  it("and the pipeline pass cfn-lint", () => {
    const files = Object.entries(templates).map(([name, template]) => {
      const file = join(outdir, `${name}.json`);
      writeFileSync(file, JSON.stringify(template.toJSON()));
      return file;
    });
    const cfnLint = join(root, ".orchard", "python", "bin", "cfn-lint");
    const args = ["--regions", "eu-west-1", "--ignore-checks", ...ignoredRules, "--", ...files];
    expect(execFileSync(cfnLint, args, { encoding: "utf8" })).toBe("");
  }, 300_000);

  it.each([
    ["AWS/States", "ExecutionsFailed", 1],
    ["AWS/States", "ExecutionsTimedOut", 1],
    ["AWS/States", "ExecutionsAborted", 1],
    ["Orchard", "OldestClusterHours", 4],
    ["Orchard", "EndedClusters", 1],
    ["Orchard", "TerminatingClusters", 1],
    ["Orchard", "NotificationFailed", 1],
  ])("raises an alarm when %s %s is %d or more", (namespace, metric, threshold) => {
    const found = alarms.filter(
      ({ Properties: { MetricName, Namespace } }) => `${Namespace} ${MetricName}` === `${namespace} ${metric}`,
    );
    expect(found).toHaveLength(1);
    expect(found[0]?.Properties.Threshold).toBe(threshold);
  });

  it.each([
    ["ApproximateNumberOfMessagesVisible", "QueueName", ["LostStatusChanges", "MissedStarts"]],
    ["Errors", "FunctionName", ["TerminateCluster", "SweepClusters"]],
  ])("raises an alarm about %s of each queue or function", (metric, dimension, names) => {
    const found = alarms.filter(({ Properties: { MetricName } }) => MetricName === metric);
    expect(found).toHaveLength(names.length);
    for (const name of names) {
      const watching = found.filter(({ Properties: { Dimensions } }) => {
        const [{ Name, Value } = { Name: "", Value: "" }] = Dimensions;
        return Name === dimension && JSON.stringify(Value).includes(name);
      });
      expect(watching).toHaveLength(1);
    }
  });

  it("raises an alarm when the sweep was not called for 45 minutes, with or without data", () => {
    const found = alarms.filter(({ Properties: { MetricName } }) => MetricName === "Invocations");
    expect(found).toHaveLength(1);
    const [{ Properties }] = found as [AlarmResource];
    expect(Properties).toMatchObject({
      Namespace: "AWS/Lambda",
      Statistic: "Sum",
      ComparisonOperator: "LessThanThreshold",
      Threshold: 1,
      TreatMissingData: "breaching",
    });
    expect(Properties.Period * Properties.EvaluationPeriods).toBe(45 * 60);
    expect(JSON.stringify(Properties.Dimensions)).toContain("SweepClusters");
  });

  it("watches the sweep's metrics in periods of at least two sweeps, so that no period is without data", () => {
    const ofSweep = alarms.filter(({ Properties: { MetricName } }) => /Clusters$|Hours$/.test(MetricName));
    expect(ofSweep).toHaveLength(3);
    for (const { Properties } of ofSweep) expect(Properties.Period).toBeGreaterThanOrEqual(30 * 60);
  });

  it("takes a cluster for stuck if every sweep of an hour finds one that is terminating", () => {
    const [stuck] = alarms.filter(({ Properties: { MetricName } }) => MetricName === "TerminatingClusters");
    expect(stuck?.Properties).toMatchObject({ Statistic: "Minimum", Period: 1800, EvaluationPeriods: 2 });
  });

  it("sends every alarm with a description to the pipeline's topic", () => {
    expect(alarms).toHaveLength(12);
    for (const {
      Properties: { AlarmActions, AlarmDescription },
    } of alarms) {
      expect(AlarmActions).toHaveLength(1);
      expect(JSON.stringify(AlarmActions)).toMatch(/Notifications/);
      expect(AlarmDescription).toMatch(/\.$|--active$/);
    }
  });

  it.each(["cloudwatch", "budgets"])("allows %s to publish to the topic for this account only", (service) => {
    templates.pipeline.hasResourceProperties("AWS::SNS::TopicPolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: "Allow",
            Action: "sns:Publish",
            Principal: { Service: `${service}.amazonaws.com` },
            Condition: { StringEquals: { "aws:SourceAccount": "000000000000" }, ArnLike: Match.anyValue() },
          }),
        ]),
      },
    });
  });

  it("sends notifications at 50, 80 and 100 % of the monthly budget", () => {
    templates.guardrails.hasResourceProperties("AWS::Budgets::Budget", {
      Budget: { BudgetType: "COST", TimeUnit: "MONTHLY", BudgetLimit: { Amount: 10, Unit: "USD" } },
      NotificationsWithSubscribers: [50, 80, 100].map((Threshold) => ({
        Notification: { NotificationType: "ACTUAL", Threshold, ThresholdType: "PERCENTAGE" },
        Subscribers: [
          { SubscriptionType: "SNS", Address: Match.anyValue() },
          { SubscriptionType: "EMAIL", Address: "you@example.org" },
        ],
      })),
    });
  });

  it("shows the functions' and the clusters' metrics on one dashboard", () => {
    const [dashboard] = Object.values(templates.guardrails.findResources("AWS::CloudWatch::Dashboard"));
    const body = JSON.stringify(dashboard);
    const measured = [
      "SkippedExecutions",
      "Images",
      "ImagesPerSecond",
      "ImageErrors",
      "QuotedUsd",
      "CostUsd",
      "EndedClusters",
      "AliveClusters",
      "TerminatingClusters",
      "OldestClusterHours",
      "NotificationFailed",
    ];
    const ofClusters = ["CPUUtilization", "MemoryAllocatedMB", "HDFSUtilization", "YARNMemoryAvailablePercentage"];
    for (const name of [...measured, ...ofClusters]) expect(body).toContain(name);
  });

  it("names EMR's calls on the dashboard with Region and account, as Step Functions' metrics do", () => {
    const [dashboard] = Object.values(templates.guardrails.findResources("AWS::CloudWatch::Dashboard"));
    const body = JSON.stringify(dashboard);
    expect(body).toContain(":states:eu-west-1:000000000000:elasticmapreduce:createCluster.sync");
    expect(body).not.toContain("states:::");
  });

  it("does not import exports of the pipeline, so that a schedule can be removed later", () => {
    expect(JSON.stringify(templates.guardrails.toJSON())).not.toContain("Fn::ImportValue");
    const { guardrails } = synthesize({});
    expect(Object.keys(guardrails.findResources("AWS::CloudWatch::Alarm"))).toHaveLength(11);
  });
});

describe("the schedule", () => {
  it("is off by default", () => {
    synthesize({}).pipeline.resourceCountIs("AWS::Scheduler::Schedule", 0);
  });

  const only = (type: string): Record<string, unknown> => {
    const [resource] = Object.values(templates.pipeline.findResources(type));
    return (resource as { Properties: Record<string, unknown> }).Properties;
  };

  it("names executions by Scheduler's execution id, and passes the input with its overlap", () => {
    const { Target: target, ...rest } = only("AWS::Scheduler::Schedule");
    expect(rest).toMatchObject({
      ScheduleExpression: "cron(0 3 ? * MON *)",
      ScheduleExpressionTimezone: "Europe/Paris",
    });
    const { Input } = target as { Input: { "Fn::Join": [string, unknown[]] } };
    const [machine = ""] = Object.keys(templates.pipeline.findResources("AWS::StepFunctions::StateMachine"));
    const input = JSON.parse(Input["Fn::Join"][1].map((part) => (typeof part === "string" ? part : "ARN")).join(""));
    expect(input).toEqual({ StateMachineArn: "ARN", Name: "<aws.scheduler.execution-id>", Input: expect.any(String) });
    expect(Input["Fn::Join"][1]).toContainEqual({ Ref: machine });
    expect(JSON.parse(input.Input)).toEqual({ mode: "full", maxCostUsd: 5, overlap: "skip" });
  });

  it("retries a start, and sends one that failed to the dead-letter queue", () => {
    expect(only("AWS::Scheduler::Schedule")["Target"]).toMatchObject({
      RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 10 },
      DeadLetterConfig: { Arn: { "Fn::GetAtt": [expect.stringContaining("MissedStarts"), "Arn"] } },
    });
  });

  it("has a role that may only start executions and write to the queue", () => {
    const policies = Object.values(templates.pipeline.findResources("AWS::IAM::Policy")) as unknown as {
      Properties: { Roles: { Ref: string }[]; PolicyDocument: { Statement: { Action: unknown }[] } };
    }[];
    const granted = policies
      .filter(({ Properties: { Roles } }) => Roles.some(({ Ref }) => Ref.startsWith("SchedulerRole")))
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement.map(({ Action }) => Action));
    expect(granted).toEqual(["states:StartExecution", "sqs:SendMessage"]);
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ scheduleExpression: "daily" }, /scheduleExpression: given "daily"; allowed: cron/],
    [{ scheduleTimeZone: "Paris" }, /scheduleTimeZone: given "Paris"; allowed: an IANA/],
    [{ scheduleInput: "{mode: full}" }, /scheduleInput: given "{mode: full}"; allowed: .* \(.*in JSON at/],
    [{ scheduleInput: '{"mode": "ful"}' }, /scheduleInput: given .*; allowed: .* \(mode: /],
    [{ scheduleInput: { mode: "full", overlap: "allow" } }, /scheduleInput: given .*; allowed: .* \(.*"overlap"/],
    [{ scheduleInput: undefined }, /scheduleInput: not given; allowed: scheduleExpression, scheduleInput together/],
    [{ scheduleOverlap: "allow" }, /scheduleOverlap: given "allow"; allowed: skip/],
    [{ budgetLimit: "-1" }, /budgetLimit: given "-1"; allowed: an amount/],
    [{ budgetCurrency: "$" }, /budgetCurrency: given "\$"; allowed: a currency/],
    [{ alarmClusterHours: "never" }, /alarmClusterHours: given "never"; allowed: hours/],
  ])("refuses %j", (wrong, message) => {
    expect(() => configWith({ ...schedule, ...wrong })).toThrow(message);
  });
});
