import { z } from "zod";
import type { Failure } from "../contract/failure.ts";
import { logger } from "../runtime/handler.ts";
import { describeQuotedEnd } from "./cluster-end.ts";

/** The cause of the run's first error in words. */
export interface FirstError {
  readonly text: string;
  /** Whether a Lambda function threw the error. */
  readonly isFromFunction: boolean;
}

/** Lambda's integration gives a function's error as JSON. */
const functionErrorSchema = z.object({ errorMessage: z.string() });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    logger.debug("The cause is plain text", { error });
    return undefined;
  }
}

/** Finds the message in a function's error that is no longer JSON because Step Functions has cut it. */
function cutMessageIn(cause: string): string | undefined {
  const [head = "", tail] = cause.split('"errorMessage":"', 2);
  if (!head.startsWith('{"errorType":') || tail === undefined) return undefined;
  const [text = ""] = tail.split('","trace":', 1);
  // The cut may be inside of an escape sequence, which has at most six characters.
  const shortened = [0, 1, 2, 3, 4, 5].map((count) => parseJson(`"${text.slice(0, text.length - count)}"`));
  return shortened.find((value) => typeof value === "string");
}

/** Puts the cause of the first error into words, whichever service integration it comes from. */
export function describeFirstError(error: Failure | undefined): FirstError {
  const { Error: name, Cause: cause } = error ?? { Error: "Unknown", Cause: "" };
  const json = parseJson(cause);
  const thrown = functionErrorSchema.safeParse(json);
  const message = thrown.data?.errorMessage ?? cutMessageIn(cause);
  if (message !== undefined) return { text: message, isFromFunction: true };
  const nameInWords = name === "States.Timeout" ? "It did not end within its time limit (States.Timeout)" : name;
  // Step Functions truncates a long response, which is then neither JSON nor readable.
  const isReadable = json === undefined && !cause.startsWith("{") && cause !== name;
  const text = describeQuotedEnd(json) || (isReadable && cause) || nameInWords;
  return { text, isFromFunction: false };
}
