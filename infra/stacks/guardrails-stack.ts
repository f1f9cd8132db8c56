import { CrossStackReferences, ReferenceStrength, Stack, type StackProps } from "aws-cdk-lib";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { Config } from "../config/knobs.ts";
import { Alarms } from "../constructs/alarms.ts";
import { MonthlyBudget } from "../constructs/budget.ts";
import { Overview } from "../constructs/dashboard.ts";
import type { PipelineStack } from "./pipeline-stack.ts";

interface GuardrailsStackProps extends StackProps {
  readonly config: Config;
  readonly pipeline: PipelineStack;
}

/** Budget, alarms and dashboard. They are a stack of their own because the embedded account has no budgets. */
export class GuardrailsStack extends Stack {
  constructor(scope: Construct, id: string, props: GuardrailsStackProps) {
    super(scope, id, props);
    // Exports would keep CloudFormation from removing the pipeline's schedule later.
    CrossStackReferences.of(this).consume(ReferenceStrength.WEAK);
    const { config, pipeline } = props;
    const { topic, stateMachine } = pipeline;

    // The topic's own policy replaces the default one, which lets the account's services publish.
    const publish = (service: string, sources: string): void => {
      const { account } = Stack.of(topic);
      topic.addToResourcePolicy(
        new PolicyStatement({
          actions: ["sns:Publish"],
          resources: [topic.topicArn],
          principals: [new ServicePrincipal(service)],
          conditions: { StringEquals: { "aws:SourceAccount": account }, ArnLike: { "aws:SourceArn": sources } },
        }),
      );
    };
    publish("cloudwatch.amazonaws.com", this.formatArn({ service: "cloudwatch", resource: "alarm:*" }));
    publish("budgets.amazonaws.com", this.formatArn({ service: "budgets", region: "", resource: "*" }));

    new MonthlyBudget(this, "Budget", {
      limit: config.budgetLimit,
      currency: config.budgetCurrency,
      topic,
      email: config.notificationEmail,
    });
    new Alarms(this, "Alarms", {
      topic,
      stateMachine,
      guards: pipeline.guards,
      deadLetterQueues: pipeline.deadLetterQueues,
      sweep: pipeline.sweep,
      clusterHours: config.alarmClusterHours,
    });
    new Overview(this, "Overview", {
      dashboardName: pipeline.stackName,
      stateMachine,
      logGroup: pipeline.executionLogs,
    });
  }
}
