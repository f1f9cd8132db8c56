import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import { Metrics } from "@aws-lambda-powertools/metrics";
import middy, { type MiddlewareObj } from "@middy/core";
import type { Context } from "aws-lambda";
import { z } from "zod";
import { cutMessage } from "../../shared/bounded-text.ts";
import { OrchardError } from "./errors.ts";

/** The function's logger; POWERTOOLS_SERVICE_NAME sets its service name. */
export const logger = new Logger();

/** The function's metrics, which CloudWatch extracts from the log. POWERTOOLS_METRICS_NAMESPACE sets the namespace. */
export const metrics = new Metrics();

/** Events of the state machine carry the execution; those of a schedule do not. */
interface MayNameExecution {
  readonly execution?: { readonly name: string };
}

/** Replaces the event by the schema's output and adds the execution's name to every later log line. */
function parseEvent(schema: z.ZodType<MayNameExecution>): MiddlewareObj {
  return {
    before: (request) => {
      const parsed = schema.safeParse(request.event);
      if (!parsed.success) {
        throw new Error(`The event does not match the function's schema.\n${z.prettifyError(parsed.error)}`);
      }
      if (parsed.data.execution) logger.appendKeys({ execution: parsed.data.execution.name });
      request.event = parsed.data;
    },
  };
}

/** Logs the outcome: an OrchardError is expected and only a warning, any other error is logged as such. */
function logOutcome(): MiddlewareObj {
  return {
    after: (request) => {
      logger.info("Done", { result: request.response });
    },
    onError: (request) => {
      const error = boundError(request.error);
      if (error instanceof OrchardError) logger.warn(error.message, { error });
      else logger.error("Failed", { error });
    },
  };
}

/** Bounds the error that Lambda reports. It is added to the state data, which is limited to 256 KiB. */
function boundError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  error.message = cutMessage(error.message);
  // The stack begins with the message.
  if (error.stack !== undefined) error.stack = cutMessage(error.stack);
  return error;
}

/** Publishes metrics even if the function fails, because the sweep may terminate clusters and then throw. */
function publishMetrics(): MiddlewareObj {
  const publish = (): void => {
    // Publishing without metrics would log a warning.
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
  };
  return { after: publish, onError: publish };
}

/**
 * Wraps a function as a Lambda handler. Lambda reports the name and message of the error that it throws.
 *
 * @param schema the event's schema, whose output the function receives
 */
export function lambdaHandler<Event extends MayNameExecution, Result>(
  schema: z.ZodType<Event>,
  run: (event: Event) => Promise<Result>,
): (event: unknown, context: Context) => Promise<Result> {
  const wrapped = middy()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(parseEvent(schema))
    .use(logOutcome())
    .use(publishMetrics())
    // parseEvent has replaced the event, which middy's types cannot express.
    .handler((event: unknown) => run(event as Event));
  return (event, context) => wrapped(event, context) as Promise<Result>;
}
