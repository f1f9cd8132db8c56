import { CfnBudget } from "aws-cdk-lib/aws-budgets";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";

interface MonthlyBudgetProps {
  /** In `currency`. */
  readonly limit: number;
  readonly currency: string;
  readonly topic: ITopic;
  /** Receives mails from Budgets directly, too, in case the topic's subscription was never confirmed. @default none */
  readonly email?: string | undefined;
}

const alertPercents = [50, 80, 100];

/** Sends notifications when the whole account has spent 50, 80 and 100 % of a monthly budget. */
export class MonthlyBudget extends Construct {
  constructor(scope: Construct, id: string, { limit, currency, topic, email }: MonthlyBudgetProps) {
    super(scope, id);
    const subscribers = [
      { subscriptionType: "SNS", address: topic.topicArn },
      ...(email === undefined ? [] : [{ subscriptionType: "EMAIL", address: email }]),
    ];
    new CfnBudget(this, "Budget", {
      budget: { budgetType: "COST", timeUnit: "MONTHLY", budgetLimit: { amount: limit, unit: currency } },
      notificationsWithSubscribers: alertPercents.map((threshold) => ({
        notification: {
          notificationType: "ACTUAL",
          comparisonOperator: "GREATER_THAN",
          threshold,
          thresholdType: "PERCENTAGE",
        },
        subscribers,
      })),
    });
  }
}
