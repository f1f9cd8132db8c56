import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readArtifacts } from "../../../infra/config/artifacts.ts";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { configWith, required, temporaryFolder } from "../fixtures.ts";

const folder = temporaryFolder();

it("names the files by their content", () => {
  const { model, wheelhouse } = readArtifacts(configWith());

  expect(model).toMatchObject({ sha256: sha256("the model"), weights: "imagenet" });
  expect(wheelhouse.sha256).toBe(sha256("the wheels"));
});

it("reads which weights are in the model beside it", () => {
  const modelFile = join(folder, "model.tflite");
  writeFileSync(modelFile, "");
  expect(() => readArtifacts(configWith({ modelFile, modelWeights: undefined }))).toThrow(/^modelWeights: not given/);

  writeFileSync(join(folder, "model.json"), '{"weights":"seeded"}');
  expect(readArtifacts(configWith({ modelFile, modelWeights: undefined })).model.weights).toBe("seeded");

  writeFileSync(join(folder, "model.json"), '{"weights":"seeded","inputSize":96,"dimensions":512}');
  expect(readArtifacts(configWith({ modelFile })).model).toMatchObject({
    weights: "imagenet",
    inputSize: 96,
    dimensions: 512,
  });
});

it("names the knob of a file that is missing, and what makes it", () => {
  expect(() => readArtifacts(configWith({ wheelhouseFile: "none" }))).toThrow(
    /^wheelhouseFile: given ".*none"; .* Make it: npm run wheelhouse -- --arch x86_64/,
  );
});

it("refuses wheels that are for another processor", () => {
  mkdirSync(join(folder, "wheels"));
  const wheelhouseFile = join(folder, "wheels", "wheelhouse.tar");
  writeFileSync(wheelhouseFile, "");
  writeFileSync(join(folder, "wheels", ".made-from"), "0 0 manylinux_2_34_aarch64\n");

  expect(() => readArtifacts(configWith({ ...required, wheelhouseFile }))).toThrow(/for another processor; .*x86_64/);
  expect(() => readArtifacts(configWith({ ...required, wheelhouseFile, architecture: "arm64" }))).not.toThrow();
});
