import { cpSync } from "node:fs";
import { join } from "node:path";
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { type PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Architecture, Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { bundleFolder, root } from "../bundles.ts";

/** Service name in the functions' logs and metrics. */
export const serviceName = "orchard";
export const metricNamespace = "Orchard";

/** The settings of a function that do not depend on other resources. */
export interface FunctionSettings {
  /** @default 1 minute */
  readonly timeout?: Duration;
  /** @default 256 */
  readonly memoryMiB?: number;
  /** Files and folders of the project to add to the bundle, at the same path. @default none */
  readonly files?: readonly string[];
}

interface HandlerProps extends FunctionSettings {
  /** File in lambdas/, without .ts. */
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly policy: readonly PolicyStatement[];
}

/** A handler of lambdas/ as a function with its own log group and role. */
export class Handler extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: HandlerProps) {
    super(scope, id);
    const bundle = join(bundleFolder(), props.file);
    for (const file of props.files ?? []) {
      cpSync(join(root, file), join(bundle, file), {
        recursive: true,
        filter: (path) => !path.includes("__pycache__"),
      });
    }
    // The stack sets the retention of all its log groups.
    const logGroup = new LogGroup(this, "Logs", { removalPolicy: RemovalPolicy.DESTROY });
    // AWSLambdaBasicExecutionRole would allow writing to every log group.
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
    logGroup.grantWrite(role);
    this.function = new LambdaFunction(this, "Function", {
      role,
      code: Code.fromAsset(bundle),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: props.timeout ?? Duration.minutes(1),
      memorySize: props.memoryMiB ?? 256,
      environment: {
        POWERTOOLS_SERVICE_NAME: serviceName,
        POWERTOOLS_METRICS_NAMESPACE: metricNamespace,
        ...props.environment,
      },
      logGroup,
      // A running execution keeps calling the versions that it started with, so later deployments must retain them.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
    });
    for (const statement of props.policy) this.function.addToRolePolicy(statement);
  }
}
