import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readArtifacts } from "../../../infra/config/artifacts.ts";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { configWith, required, temporaryFolder } from "../fixtures.ts";

const folder = temporaryFolder();

it("identifies the files by their content", () => {
  const { model, wheelhouse } = readArtifacts(configWith());

  expect(model).toMatchObject({ sha256: sha256("the model"), weights: "imagenet" });
  expect(wheelhouse.sha256).toBe(sha256("the wheels"));
});

it("reads the weights and dimensions from the model.json beside the model", () => {
  const modelFile = join(folder, "model.tflite");
  writeFileSync(modelFile, "");
  expect(() => readArtifacts(configWith({ modelFile, modelWeights: undefined }))).toThrow(/^modelWeights: not given/);

  writeFileSync(join(folder, "model.json"), '{"weights":"seeded"}');
  expect(readArtifacts(configWith({ modelFile, modelWeights: undefined })).model.weights).toBe("seeded");

  writeFileSync(join(folder, "model.json"), '{"weights":"file","weightsSha256":"ab"}');
  expect(readArtifacts(configWith({ modelFile, modelWeights: undefined })).model.weights).toBe("file");

  writeFileSync(join(folder, "model.json"), '{"weights":"seeded","inputSize":96,"dimensions":512}');
  expect(readArtifacts(configWith({ modelFile })).model).toMatchObject({
    weights: "imagenet",
    inputSize: 96,
    dimensions: 512,
  });
});

it("limits pcaComponents to the dimensions of the model", () => {
  const modelFile = join(folder, "small.tflite");
  writeFileSync(modelFile, "");
  writeFileSync(join(folder, "model.json"), '{"weights":"seeded","dimensions":2048}');

  expect(() => readArtifacts(configWith({ modelFile, pcaComponents: 2048 }))).not.toThrow();
  expect(() => readArtifacts(configWith({ modelFile, pcaComponents: 2049 }))).toThrow(
    "pcaComponents: given 2049; allowed: at most 2048",
  );
});

it("names the knob of a missing file and the command that makes the file", () => {
  expect(() => readArtifacts(configWith({ wheelhouseFile: "none" }))).toThrow(
    /^wheelhouseFile: given ".*none"; .* Make it: orchard wheelhouse --arch x86_64/,
  );
});

it("refuses wheels for another architecture", () => {
  mkdirSync(join(folder, "wheels"));
  const wheelhouseFile = join(folder, "wheels", "wheelhouse.tar");
  writeFileSync(wheelhouseFile, "");
  writeFileSync(join(folder, "wheels", ".made-from"), "0 0 manylinux_2_34_aarch64\n");

  expect(() => readArtifacts(configWith({ ...required, wheelhouseFile }))).toThrow(/for another processor; .*x86_64/);
  expect(() => readArtifacts(configWith({ ...required, wheelhouseFile, architecture: "arm64" }))).not.toThrow();
});
