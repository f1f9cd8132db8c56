import { join } from "node:path";
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Architecture, Runtime } from "aws-cdk-lib/aws-lambda";
import { type ICommandHooks, NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";

const root = join(import.meta.dirname, "..", "..");

/** What the functions call themselves in their logs and metrics. */
export const serviceName = "orchard";
export const metricNamespace = "Orchard";

interface HandlerProps {
  /** File in lambdas/, without .ts. */
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly policy: readonly PolicyStatement[];
  /** @default 1 minute */
  readonly timeout?: Duration;
  /** @default 256 */
  readonly memoryMiB?: number;
  readonly commandHooks?: ICommandHooks;
}

/** A handler of lambdas/ as a function with a log group of its own and just the permissions it names. */
export class Handler extends Construct {
  readonly function: NodejsFunction;

  constructor(scope: Construct, id: string, props: HandlerProps) {
    super(scope, id);
    this.function = new NodejsFunction(this, "Function", {
      entry: join(root, "lambdas", `${props.name}.ts`),
      projectRoot: root,
      depsLockFilePath: join(root, "package-lock.json"),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: props.timeout ?? Duration.minutes(1),
      memorySize: props.memoryMiB ?? 256,
      environment: {
        POWERTOOLS_SERVICE_NAME: serviceName,
        POWERTOOLS_METRICS_NAMESPACE: metricNamespace,
        NODE_OPTIONS: "--enable-source-maps",
        ...props.environment,
      },
      // How long it keeps lines is the stack's to say.
      logGroup: new LogGroup(this, "Logs", { removalPolicy: RemovalPolicy.DESTROY }),
      bundling: {
        format: OutputFormat.ESM,
        target: "node24",
        // The SDK travels along: one version, tested, whatever the runtime brings.
        externalModules: [],
        // The SDK's ES modules: smaller, and free of require(), which an ES module bundle cannot call.
        mainFields: ["module", "main"],
        sourceMap: true,
        sourcesContent: false,
        ...(props.commandHooks ? { commandHooks: props.commandHooks } : {}),
      },
    });
    for (const statement of props.policy) this.function.addToRolePolicy(statement);
  }
}
