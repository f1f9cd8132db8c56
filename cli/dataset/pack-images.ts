import { join } from "node:path";
import { createInterface } from "node:readline";
import prettyBytes from "pretty-bytes";
import { z } from "zod";
import { listPages, parseS3Uri } from "../../lambdas/aws/s3.ts";
import { type Layout, LayoutVote, leftOutSchema, treeRules } from "../../lambdas/contract/image-tree.ts";
import { createClients } from "../account/aws-clients.ts";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { isS3 } from "../toolchain/local-spark.ts";
import { places } from "../toolchain/places.ts";
import { startTool } from "../toolchain/run-tool.ts";
import { readDataset } from "./image-tree.ts";

/** Describes the JSON that spark/make_pack.py prints at its end: the content of pack.json, and where the pack is. */
const packedSchema = z.object({
  target: z.string(),
  layout: z.string(),
  images: z.int(),
  bytes: z.int(),
  groups: z.array(z.object({ split: z.string(), label: z.string() })),
  leftOut: z.array(leftOutSchema),
  shards: z.array(z.object({ name: z.string(), rows: z.int(), bytes: z.int(), sha256: z.string() })),
});
export type Packed = Readonly<z.output<typeof packedSchema>>;

const progressSchema = z.object({
  phase: z.enum(["list", "pack", "verify"]),
  done: z.int(),
  total: z.int(),
});

export interface PackWish {
  /** A folder or an s3:// prefix, as is the target. */
  readonly source: string;
  readonly target: string;
  /** Detected by default. */
  readonly layout: Layout | undefined;
  /** Replaces a complete pack. */
  readonly force: boolean;
}

async function findLayout({ source, layout }: PackWish): Promise<Layout> {
  if (layout !== undefined && isS3(source)) return layout;
  if (!isS3(source)) return (await readDataset(source, { layout, command: "orchard pack" })).layout;
  const { bucket, key } = parseS3Uri(source.endsWith("/") ? source : `${source}/`);
  const vote = new LayoutVote();
  for await (const { objects } of listPages(createClients().s3, { bucket, key })) {
    for (const object of objects) vote.add(object.key.slice(key.length));
  }
  return vote.layout;
}

function describeProgress({ phase, done, total }: z.output<typeof progressSchema>): string {
  if (phase === "list") return `${done} images found`;
  return phase === "pack" ? `${done}/${total} images` : `verified ${prettyBytes(done)} of ${prettyBytes(total)}`;
}

/**
 * Packs an image tree by spark/make_pack.py. Interrupted, it leaves no pack.json, without which a folder is no pack.
 *
 * @throws UsageError if a local source is no image tree
 * @throws CommandFailed with the script's message
 */
export async function packImages(
  lifetime: Lifetime,
  wish: PackWish,
  { status }: Pick<Reporter, "status">,
): Promise<Packed> {
  const rules = JSON.stringify(treeRules(await findLayout(wish)));
  const { source, target, force } = wish;
  const args = ["--source", source, "--target", target, "--rules", rules, ...(force ? ["--force"] : [])];
  const usesS3 = [source, target].some(isS3);
  const { child, ended, end } = startTool(
    lifetime,
    join(places.python, "bin", "python"),
    ["spark/make_pack.py", ...args],
    { env: childEnvironment(usesS3 ? "account" : "tool") },
  );
  let last = "";
  if (!child.stdout) throw new Error("The script's output is not read");
  createInterface({ input: child.stdout }).on("line", (line) => {
    last = line;
    const progress = progressSchema.safeParse(JSON.parse(line));
    if (progress.success) status(describeProgress(progress.data));
  });
  const { failed, stderr, shortMessage } = await ended;
  await end();
  if (failed) throw new CommandFailed(stderr?.trim() || shortMessage || `The pack of ${source} could not be written`);
  return packedSchema.parse(JSON.parse(last));
}
