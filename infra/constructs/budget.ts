import { CfnBudget } from "aws-cdk-lib/aws-budgets";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";

interface MonthlyBudgetProps {
  /** In `currency`. */
  readonly limit: number;
  readonly currency: string;
  readonly topic: ITopic;
  /** Gets the mails from Budgets itself, too: a subscription that nobody has confirmed must not hide a bill. @default none */
  readonly email?: string | undefined;
}

const alertPercents = [50, 80, 100];

/** Tells when the account, with everything in it, has cost a share of what it may cost in a month. */
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
