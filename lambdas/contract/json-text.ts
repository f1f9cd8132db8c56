import { z } from "zod";

/** JSON text, as it is in a function's environment. An absent or empty text is an empty object. */
export const jsonTextSchema = z
  .string()
  .default("{}")
  .transform((text, context) => {
    try {
      return JSON.parse(text === "" ? "{}" : text) as unknown;
    } catch (error) {
      context.addIssue({ code: "custom", message: `is not JSON: ${String(error)}` });
      return z.NEVER;
    }
  });
