// The process that makes packs: spark/make_pack.py.
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { type Layout, leftOutSchema, treeRules } from "../../lambdas/contract/image-tree.ts";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import { isS3 } from "../toolchain/local-spark.ts";
import { places } from "../toolchain/places.ts";
import { startTool } from "../toolchain/run-tool.ts";

/** A file of the pack: its name below the pack's folder, its images and its size. */
const shardSchema = z.object({ name: z.string(), rows: z.int(), bytes: z.int(), sha256: z.string() });
export type Shard = Readonly<z.output<typeof shardSchema>>;

/** Describes the last line that the process prints: the content of pack.json, and the pack's place. */
const packedSchema = z.object({
  target: z.string(),
  layout: z.string(),
  images: z.int(),
  bytes: z.int(),
  groups: z.array(z.object({ split: z.string(), label: z.string() })),
  leftOut: z.array(leftOutSchema),
  shards: z.array(shardSchema),
});
export type Packed = Readonly<z.output<typeof packedSchema>>;

const progressSchema = z.object({ phase: z.enum(["list", "pack"]), done: z.int(), total: z.int() });
export type PackProgress = Readonly<z.output<typeof progressSchema>>;

const lineSchema = z.union([progressSchema, z.object({ shard: shardSchema })]);

interface PackerOptions {
  /** A folder or an s3:// prefix, as is the target. */
  readonly source: string;
  readonly target: string;
  readonly layout: Layout;
  /** Replaces a complete pack. @default false */
  readonly force?: boolean;
  /** The size at which a file is complete. @default about 128 MB */
  readonly shardBytes?: number | undefined;
  readonly onProgress: (progress: PackProgress) => void;
  /** Takes finished files away. At most `most` files exist at a time, including the file that is being written. */
  readonly handOver?: { readonly most: number; readonly take: (shard: Shard) => Promise<void> };
}

/**
 * Packs an image tree. An interruption leaves no pack.json, and a folder without pack.json is no pack.
 *
 * @throws CommandFailed with the process's message, or the error of `take`
 */
export async function runPacker(lifetime: Lifetime, options: PackerOptions): Promise<Packed> {
  const { source, target, layout, force = false, shardBytes, onProgress, handOver } = options;
  const args = ["--source", source, "--target", target, "--rules", JSON.stringify(treeRules(layout))];
  const { child, ended, end, hasEnded } = startTool(
    lifetime,
    join(places.python, "bin", "python"),
    [
      "spark/make_pack.py",
      ...args,
      ...(force ? ["--force"] : []),
      ...(shardBytes === undefined ? [] : ["--shard-bytes", String(shardBytes)]),
      ...(handOver ? ["--hand-over", String(handOver.most)] : []),
    ],
    {
      env: childEnvironment([source, target].some(isS3) ? "account" : "tool"),
      takesInput: handOver !== undefined,
    },
  );
  // Ignore the error of a write to a process that has ended while a file was taken away.
  child.stdin?.on("error", () => undefined);
  const failures: unknown[] = [];
  const answer = async (text: string): Promise<void> => {
    const { data } = lineSchema.safeParse(JSON.parse(text));
    if (!data || failures.length > 0) return;
    try {
      if ("phase" in data) {
        onProgress(data);
        return;
      }
      await handOver?.take(data.shard);
      if (!hasEnded()) child.stdin?.write("\n");
    } catch (error) {
      failures.push(error);
      // The process waits for a line after each file, and stops when its input ends.
      child.stdin?.end();
    }
  };
  let last = "";
  const answers: Promise<void>[] = [];
  if (!child.stdout) throw new Error("The process's output is not read");
  const lines = createInterface({ input: child.stdout }).on("line", (text) => {
    last = text;
    answers.push(answer(text));
  });
  const [{ failed, stderr, shortMessage }] = await Promise.all([ended, once(lines, "close")]);
  await Promise.all(answers);
  await end();
  if (failures.length > 0) throw failures[0];
  if (failed) throw new CommandFailed(stderr?.trim() || shortMessage || `${source} could not be packed`);
  return packedSchema.parse(JSON.parse(last));
}
