import { z } from "zod";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be the file's sha256, 64 hexadecimal digits");
const flag = z.union([z.boolean(), z.enum(["true", "false"]).transform((value) => value === "true")]);

const schema = z.strictObject({
  /** sha256 of model.tflite, and which weights are in it. */
  modelSha256: sha256,
  modelWeights: z.enum(["imagenet", "seeded"]),
  /** sha256 of wheelhouse.tar: the wheels that the bootstrap action installs. */
  wheelhouseSha256: sha256,
  /** Run with random weights: for trials only, the features mean nothing. */
  allowSeededWeights: flag.default(false),
  /** Where data may be processed, as the beginning of a region's name. */
  allowedRegionPrefix: z.string().default("eu-"),
  /** Ceiling in US dollars of an execution that names none. */
  maxCostUsd: z.coerce.number().positive().default(10),
  /**
   * A cluster that is older is ended whatever Step Functions answers. No execution may run longer than 15 hours, so
   * it is above that; the rest is what a cluster can be kept on purpose.
   */
  maxClusterHours: z.coerce.number().min(16).max(168).default(24),
  /** An address that gets the mail at the end; it has to be confirmed by its owner. */
  notificationEmail: z.email().optional(),
  /** Subnet of the cluster. It and its VPC carry for-use-with-amazon-emr-managed-policies=true. @default EMR chooses */
  subnetId: z.string().startsWith("subnet-").optional(),
  /** Name of an EC2 key pair for SSH into the cluster. @default none */
  keyPair: z.string().optional(),
});

export type Config = Readonly<z.output<typeof schema>>;

/**
 * Reads the stack's configuration from CDK context (`cdk deploy -c key=value`, or cdk.json).
 *
 * @param lookUp answers a context key's value, or undefined
 * @throws Error that names every key that is missing or wrong
 */
export const configFromContext = (lookUp: (key: string) => unknown): Config => {
  const given = Object.fromEntries(Object.keys(schema.shape).map((key) => [key, lookUp(key)]));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new Error(
    `CDK context is incomplete (give -c key=value; \`npm run model\` prints the digests):\n${problems.join("\n")}`,
  );
};
