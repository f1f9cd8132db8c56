import { z } from "zod";
import { clusterDefaultsSchema } from "../contract/cluster-knobs.ts";
import { jsonTextSchema } from "../contract/json-text.ts";
import { modelDescriptionSchema } from "../contract/model.ts";
import { defaultInputPrefix } from "../contract/s3-layout.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits");
const flag = z.enum(["true", "false"]).transform((value) => value === "true");

/** Every environment variable of the functions. Each function picks the ones it reads, and the stack sets those. */
export const environmentSchema = z.object({
  /** Set by Lambda itself. */
  AWS_REGION: z.string().min(1),
  /** Set by Lambda itself: the folder of the unpacked bundle. */
  LAMBDA_TASK_ROOT: z.string().min(1).default(process.cwd()),
  DATA_BUCKET: z.string().min(3),
  TOPIC_ARN: z.string().startsWith("arn:"),
  MODEL_SHA256: sha256,
  /** JSON */
  MODEL_DESCRIPTION: jsonTextSchema.pipe(modelDescriptionSchema),
  ALLOW_SEEDED_WEIGHTS: flag.default(false),
  WHEELHOUSE_SHA256: sha256,
  /** s3:// URIs of the deployed model and wheelhouse, from which UploadScripts copies them. */
  MODEL_ASSET: z.string().startsWith("s3://"),
  WHEELHOUSE_ASSET: z.string().startsWith("s3://"),
  /** The same for the wheels of runs in bf16, if they are deployed. */
  BF16_WHEELHOUSE_SHA256: sha256.optional(),
  BF16_WHEELHOUSE_ASSET: z.string().startsWith("s3://").optional(),
  ALLOW_NON_EU_REGION: flag.default(false),
  /** Prefix of the image tree in the data bucket if the execution input names none. */
  INPUT_PREFIX: z.string().endsWith("/").default(defaultInputPrefix),
  /** Prefix in the data bucket of an S3 Inventory's configuration, if the bucket has one. */
  INVENTORY_PREFIX: z.string().endsWith("/").optional(),
  /** Name of the role for RunJobFlow's ServiceRole. */
  EMR_SERVICE_ROLE: z.string().min(1),
  /** Name of the instance profile for RunJobFlow's JobFlowRole. */
  EMR_INSTANCE_PROFILE: z.string().min(1),
  /** JSON */
  CLUSTER_DEFAULTS: jsonTextSchema.pipe(clusterDefaultsSchema),
  /** Cost limit of an execution whose input sets none, in US dollars. */
  MAX_COST_USD: z.coerce.number().positive(),
  /** Upper bound of the execution input's keepMinutes. */
  MAX_KEEP_MINUTES: z.coerce.number().int().min(0),
  /** Name of the pipeline's stack, by which the sweep knows its clusters. */
  STACK_NAME: z.string().min(1),
  /** Age at which the sweep terminates a cluster regardless of its execution. */
  MAX_CLUSTER_HOURS: z.coerce.number().positive(),
});

export type Environment = z.output<typeof environmentSchema>;

/**
 * Reads the variables of a schema from the process's environment.
 *
 * @throws Error naming every missing or malformed variable, which only a new deployment can fix
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
