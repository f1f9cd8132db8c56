import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import { Metrics } from "@aws-lambda-powertools/metrics";
import middy, { type MiddlewareObj } from "@middy/core";
import type { Context } from "aws-lambda";
import { z } from "zod";
import { OrchardError } from "./errors.ts";

/** The one logger of a function; its service name comes from POWERTOOLS_SERVICE_NAME. */
export const logger = new Logger();

/** What a function measures: a line of its log, which CloudWatch reads. Namespace and service come from POWERTOOLS_…, too. */
export const metrics = new Metrics();

/** An event tells of an execution, or (a schedule's) of none. */
interface MayNameExecution {
  readonly execution?: { readonly name: string };
}

/** Replaces the event by what the schema makes of it, and names the execution in every later log line. */
function parseEvent(schema: z.ZodType<MayNameExecution>): MiddlewareObj {
  return {
    before: (request) => {
      const parsed = schema.safeParse(request.event);
      if (!parsed.success) {
        throw new Error(`The event is not what the function takes.\n${z.prettifyError(parsed.error)}`);
      }
      if (parsed.data.execution) logger.appendKeys({ execution: parsed.data.execution.name });
      request.event = parsed.data;
    },
  };
}

/** Logs how the invocation ended. A refusal is part of the job and a warning; anything else is an error. */
function logOutcome(): MiddlewareObj {
  return {
    after: (request) => {
      logger.info("Done", { result: request.response });
    },
    onError: (request) => {
      const { error } = request;
      if (error instanceof OrchardError) logger.warn(error.message, { error });
      else logger.error("Failed", { error });
    },
  };
}

/** Writes what was measured, also by a function that failed in the end: the sweep ends clusters, and then throws. */
function publishMetrics(): MiddlewareObj {
  const publish = (): void => {
    // The library warns of every invocation that measured nothing.
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
  };
  return { after: publish, onError: publish };
}

/**
 * Wraps a handler's pure function for Lambda. The error that it throws is what Lambda reports, name and message.
 *
 * @param schema what the event has to be; the function gets the schema's output
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
    // What parseEvent put there; middy cannot know.
    .handler((event: unknown) => run(event as Event));
  return (event, context) => wrapped(event, context) as Promise<Result>;
}
