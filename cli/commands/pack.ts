import { Command } from "@commander-js/extra-typings";
import prettyBytes from "pretty-bytes";
import { describeLeftOut } from "../../lambdas/contract/image-tree.ts";
import { plural } from "../../shared/formatting.ts";
import { packImages } from "../dataset/pack-images.ts";
import type { Packed } from "../dataset/packer.ts";
import { layoutOption } from "../execution/input-options.ts";
import { groups } from "../terminal/command-groups.ts";
import { isTerminal } from "../terminal/confirm.ts";
import { Lifetime, withLifetime } from "../terminal/lifetime.ts";
import { runSteps } from "../terminal/progress-steps.ts";
import { resolveFromUser } from "../toolchain/local-spark.ts";

export const command = new Command("pack")
  .helpGroup(groups.setUp)
  .summary("copy an image tree into a few large files")
  .description("copy an image tree into Parquet files of about 128 MB, which runs read with fewer requests")
  .argument("<source>", "folder (or s3:// prefix) with images as <split>/<label>/<image> or <label>/<image>")
  .argument("<target>", "folder (or s3:// prefix) for the pack")
  .addOption(layoutOption)
  .option("--force", "replace a pack that is there", false)
  .option("--json", "print one JSON object and nothing else", false)
  .addHelpText("after", "\nExample:\n  orchard pack photos packed-photos")
  .action((source, target, { layout, force, json }) =>
    withLifetime(
      async (lifetime) => {
        const wish = { source: resolveFromUser(source), target: resolveFromUser(target), layout, force };
        let packed: Packed | undefined;
        const run = async (reporter: Parameters<typeof packImages>[2]): Promise<void> => {
          const stop = lifetime.announce(() => `Interrupted: ${target} is no pack. The same command begins anew.`);
          packed = await packImages(lifetime, wish, reporter);
          stop();
        };
        await runSteps(lifetime, [{ title: `Packing ${source}`, run }], json || !isTerminal(process.stderr));
        if (!packed) throw new Error("The step has made no pack");
        process.stdout.write(`${json ? JSON.stringify(packed) : describe(packed)}\n`);
      },
      new Lifetime({ notice: null }),
    ),
  );

function describe({ target, images, bytes, leftOut, shards }: Packed): string {
  const files = plural(shards.length, "file");
  const size = prettyBytes(shards.reduce((sum, shard) => sum + shard.bytes, 0));
  return [
    ...leftOut.map(describeLeftOut),
    `${plural(images, "image")} (${prettyBytes(bytes)}) in ${files} (${size}) in ${target}, read back and compared`,
  ].join("\n");
}
