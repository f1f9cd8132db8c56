import { z } from "zod";

const metafileSchema = z.object({
  outputs: z.record(z.string(), z.object({ inputs: z.record(z.string(), z.unknown()) })),
});

/** Folders of the npm packages from which esbuild bundled files, relative to the project. */
export function bundledFolders(metafile: unknown): readonly string[] {
  const inputs = Object.values(metafileSchema.parse(metafile).outputs).flatMap((output) => Object.keys(output.inputs));
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort();
}
