import { z } from "zod";

/** The execution as the state machine passes it to every function, from `$$.Execution`. */
export const executionSchema = z.object({
  /** The execution's ARN. */
  id: z.string().startsWith("arn:"),
  name: z.string().min(1),
  /** ISO 8601. */
  startTime: z.string(),
});
export type Execution = Readonly<z.output<typeof executionSchema>>;

/** Time limit of an execution: TimeoutSeconds in statemachine/orchard.asl.json. */
export const maxExecutionHours = 40;
