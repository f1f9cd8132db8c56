import { listPages, parseS3Uri } from "../../lambdas/aws/s3.ts";
import { type Layout, LayoutVote } from "../../lambdas/contract/image-tree.ts";
import { plural } from "../../shared/formatting.ts";
import { createClients } from "../account/aws-clients.ts";
import type { Lifetime } from "../terminal/lifetime.ts";
import type { Reporter } from "../terminal/progress-steps.ts";
import { isS3 } from "../toolchain/local-spark.ts";
import { readDataset } from "./image-tree.ts";
import { type Packed, type PackProgress, runPacker } from "./packer.ts";

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

function describeProgress({ phase, done, total }: PackProgress): string {
  return phase === "list" ? `${plural(done, "image")} found` : `${done}/${total} images`;
}

/**
 * Packs an image tree, as `orchard pack` does.
 *
 * @throws UsageError if a local source is no image tree
 * @throws CommandFailed with the packer's message
 */
export async function packImages(
  lifetime: Lifetime,
  wish: PackWish,
  { status }: Pick<Reporter, "status">,
): Promise<Packed> {
  const layout = await findLayout(wish);
  return runPacker(lifetime, { ...wish, layout, onProgress: (progress) => status(describeProgress(progress)) });
}
