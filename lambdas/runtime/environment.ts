import { z } from "zod";
import { clusterDefaultsTextSchema } from "../contract/cluster-knobs.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits");
const flag = z.enum(["true", "false"]).transform((value) => value === "true");

/** Every environment variable that a function may read. The stack sets for each function those that it picks. */
export const environmentSchema = z.object({
  /** Set by Lambda itself. */
  AWS_REGION: z.string().min(1),
  /** Set by Lambda itself: the folder that the bundle was unpacked to. */
  LAMBDA_TASK_ROOT: z.string().min(1).default(process.cwd()),
  DATA_BUCKET: z.string().min(3),
  TOPIC_ARN: z.string().startsWith("arn:"),
  MODEL_SHA256: sha256,
  MODEL_WEIGHTS: z.enum(["imagenet", "seeded"]),
  ALLOW_SEEDED_WEIGHTS: flag.default(false),
  WHEELHOUSE_SHA256: sha256,
  /** Where the deployment put the model and the wheels: s3:// addresses, from which UploadScripts copies them. */
  MODEL_ASSET: z.string().startsWith("s3://"),
  WHEELHOUSE_ASSET: z.string().startsWith("s3://"),
  ALLOW_NON_EU_REGION: flag.default(false),
  /** Where in the data bucket the images are when the input names no place. */
  INPUT_PREFIX: z.string().endsWith("/").default("data/raw/"),
  /** A role's name, as RunJobFlow's ServiceRole takes it. */
  EMR_SERVICE_ROLE: z.string().min(1),
  /** An instance profile's name, as RunJobFlow's JobFlowRole takes it. */
  EMR_INSTANCE_PROFILE: z.string().min(1),
  /** JSON */
  CLUSTER_DEFAULTS: clusterDefaultsTextSchema,
  /** The ceiling of an execution that names none, in US dollars. */
  MAX_COST_USD: z.coerce.number().positive(),
  /** The longest that a cluster may be kept after a success. */
  MAX_KEEP_MINUTES: z.coerce.number().int().min(0),
  STATE_MACHINE_ARN: z.string().startsWith("arn:"),
  /** A cluster that is older is ended, whatever its execution does. */
  MAX_CLUSTER_HOURS: z.coerce.number().positive(),
});

export type Environment = z.output<typeof environmentSchema>;

/**
 * Reads the picked variables from the process's environment.
 *
 * @throws Error naming every variable that is missing or malformed: the function was deployed wrongly, and no input can mend that.
 */
export function readEnvironment<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  env: NodeJS.ProcessEnv = process.env,
): z.output<z.ZodObject<Shape>> {
  const parsed = schema.safeParse(env);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`The function's environment is wrong. ${problems.join("; ")}. Deploy the stack again.`);
}
