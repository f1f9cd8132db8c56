import { Command } from "@commander-js/extra-typings";
import { childEnvironment } from "../setup/child-environment.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import { withLifetime } from "../terminal/lifetime.ts";
import { jobEnvironment, resolveFromUser } from "../toolchain/local-spark.ts";
import { places } from "../toolchain/places.ts";
import { runTool } from "../toolchain/run-tool.ts";

export const command = new Command("bench")
  .description(
    "compare the Spark job with the machine's limit, Daft, MLlib and a job as usually written, and bundles with sources",
  )
  .option("--json", "print one JSON object in place of the table", false)
  .option("--images <dir>", "a folder of images, in place of generated ones")
  .option("--count <n>", "images for the features stage (and twice as many for the marginal rate)")
  .option("--repeats <n>", "how often each is measured; the median counts (default 5)")
  .option("--quick", "small sizes: whether it works, not how fast it is", false)
  .option("--only <part...>", "these parts alone: features, pca, daft, reference, growth, functions")
  .action(({ json, images, count, repeats, quick, only }) =>
    withLifetime(async (lifetime) => {
      const env = { ...childEnvironment("download"), ...(await jobEnvironment(lifetime)) };
      const args = ["-m", "bench", "--home", places.bench, "--model", places.model];
      if (json) args.push("--json");
      if (images !== undefined) args.push("--images", resolveFromUser(images));
      if (count !== undefined) args.push("--count", count);
      if (repeats !== undefined) args.push("--repeats", repeats);
      if (quick) args.push("--quick");
      if (only !== undefined) args.push("--only", ...only);
      const { failed } = await runTool(lifetime, env.PYSPARK_PYTHON, args, { show: true, env });
      if (failed) throw new CommandFailed("The benchmark failed.");
    }),
  );
