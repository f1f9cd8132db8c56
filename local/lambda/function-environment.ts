import { join } from "node:path";
import type { FunctionConfiguration } from "@aws-sdk/client-lambda";
import { settingsFiles } from "../account-env.ts";

interface EnvironmentOptions {
  readonly endpoint: string;
  readonly region: string;
  /** The folder of the account's state. */
  readonly directory: string;
  /** The credentials of the function's role. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly taskRoot: string;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
}

/** Returns a function's environment variables. Lambda developer guide, "Defined runtime environment variables". */
export function functionEnvironment(
  configuration: FunctionConfiguration,
  options: EnvironmentOptions,
): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: options.endpoint,
    ...configuration.Environment?.Variables,
    ...settingsFiles(options.directory),
    // The next process of the function need not compile its code again.
    NODE_COMPILE_CACHE: join(options.directory, "lambda", "compile-cache"),
    PATH: "/usr/local/bin:/usr/bin:/bin",
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    AWS_REGION: options.region,
    AWS_DEFAULT_REGION: options.region,
    AWS_ACCESS_KEY_ID: options.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: options.credentials.secretAccessKey,
    AWS_LAMBDA_FUNCTION_NAME: options.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: options.functionVersion,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(configuration.MemorySize ?? 128),
    AWS_LAMBDA_LOG_GROUP_NAME: options.logGroupName,
    AWS_LAMBDA_LOG_STREAM_NAME: options.logStreamName,
    AWS_EXECUTION_ENV: `AWS_Lambda_${configuration.Runtime ?? "nodejs"}`,
    LAMBDA_TASK_ROOT: options.taskRoot,
    _HANDLER: configuration.Handler ?? "index.handler",
  };
}
