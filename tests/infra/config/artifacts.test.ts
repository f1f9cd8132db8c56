import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readArtifacts } from "../../../infra/config/artifacts.ts";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { artifact, configWith, required, temporaryFolder } from "../fixtures.ts";

const folder = temporaryFolder();

it("identifies the files by their content", () => {
  const { model, wheelhouse } = readArtifacts(configWith());

  expect(model.sha256).toBe(sha256("the model"));
  expect(wheelhouse.sha256).toBe(sha256("the wheels"));
});

it("reads the weights and dimensions from the model.json beside the model", () => {
  const modelFile = join(folder, "model.tflite");
  writeFileSync(modelFile, "");
  expect(() => readArtifacts(configWith({ modelFile, modelWeights: undefined }))).toThrow(/^modelWeights: not given/);

  writeFileSync(join(folder, "model.json"), '{"weights":"seeded"}');
  expect(readArtifacts(configWith({ modelFile, modelWeights: undefined })).modelDescription.weights).toBe("seeded");

  writeFileSync(join(folder, "model.json"), '{"weights":"file","weightsSha256":"ab"}');
  expect(readArtifacts(configWith({ modelFile, modelWeights: undefined })).modelDescription.weights).toBe("file");

  const described = { name: "Other", weights: "seeded", inputSize: 96, dimensions: 512, preprocessing: "caffe" };
  writeFileSync(join(folder, "model.json"), JSON.stringify(described));
  expect(readArtifacts(configWith({ modelFile })).modelDescription).toEqual({
    ...described,
    weights: "imagenet",
    format: "tflite",
    layout: "NHWC",
    relativeTime: 1,
  });
});

it("takes a model.json from before there were other models for MobileNetV2's", () => {
  const modelFile = join(folder, "earlier.tflite");
  writeFileSync(modelFile, "");
  writeFileSync(join(folder, "model.json"), '{"weights":"seeded","inputSize":224,"dimensions":1280}');

  expect(readArtifacts(configWith({ modelFile })).modelDescription).toMatchObject({
    name: "MobileNetV2",
    preprocessing: "tf",
  });
});

it.each([
  ['{"weights":"seeded","preprocessing":"other"}', /^modelFile: .*model\.json is not valid: [\s\S]*"caffe"/],
  [`{"weights":"seeded","sha256":"${"0".repeat(64)}"}`, /^modelFile: given .* the sha256 differs/],
])("refuses a model.json that does not fit: %s", (description, message) => {
  const modelFile = join(folder, "other.tflite");
  writeFileSync(modelFile, "");
  writeFileSync(join(folder, "model.json"), description);

  expect(() => readArtifacts(configWith({ modelFile }))).toThrow(message);
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

it("publishes the wheels for bf16 only if the configuration names them", () => {
  expect(readArtifacts(configWith()).bf16Wheelhouse).toBeUndefined();

  const bf16WheelhouseFile = artifact("bf16.tar", "the wheels for bf16");
  expect(readArtifacts(configWith({ bf16WheelhouseFile })).bf16Wheelhouse?.sha256).toBe(sha256("the wheels for bf16"));
  expect(() => readArtifacts(configWith({ bf16WheelhouseFile: "none" }))).toThrow(
    /^bf16WheelhouseFile: given ".*none"; .* Make it: orchard wheelhouse --precision bf16/,
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
