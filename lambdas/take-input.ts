import { z } from "zod";
import { refuseLargeInput } from "./preflight/refuse-large-input.ts";
import { lambdaHandler } from "./runtime/handler.ts";

/** The event is the execution input itself, any JSON value, so the function does not know its execution. */
const takeInputEventSchema = z
  .unknown()
  .transform((input): { readonly input: unknown; readonly execution?: never } => ({ input }));

/** Returns the input as the first member of the state data, to which each later state adds one. */
export const handler = lambdaHandler(takeInputEventSchema, async ({ input }) => {
  refuseLargeInput(input);
  return { input };
});
