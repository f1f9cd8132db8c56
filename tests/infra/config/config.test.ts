import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configFromContext } from "../../../infra/config/config.ts";
import { configWith, required, temporaryFolder } from "../fixtures.ts";

const file = join(temporaryFolder(), "orchard.config.json");

describe("the configuration", () => {
  it("converts text from the command line to numbers, booleans and lists", () => {
    const config = configWith({
      maxCostUsd: "2.5",
      coreCount: "3",
      jupyterHub: "true",
      coreTypes: "m5.xlarge, m5a.xlarge",
    });
    expect(config).toMatchObject({
      maxCostUsd: 2.5,
      coreCount: 3,
      jupyterHub: true,
      coreTypes: ["m5.xlarge", "m5a.xlarge"],
    });
  });

  it("reads a file, over which the command line takes precedence", () => {
    writeFileSync(file, JSON.stringify({ ...required, maxCostUsd: 3, market: "SPOT", coreTypes: ["m5.xlarge"] }));
    expect(configFromContext({ config: file, maxCostUsd: "4" })).toMatchObject({
      maxCostUsd: 4,
      market: "SPOT",
      coreTypes: ["m5.xlarge"],
    });
  });

  it("names a file that is missing or is not a JSON object", () => {
    writeFileSync(file, "{");
    expect(() => configFromContext({ config: file })).toThrow(
      /^config: given ".*"; allowed: a file with one JSON object/,
    );
    expect(() => configFromContext({ config: "none.json" })).toThrow(
      /^config: given "none.json"; allowed: a JSON file that exists/,
    );
  });

  it("ignores CDK's own context keys", () => {
    expect(() => configWith({ "aws:cdk:enable-path-metadata": true, "@aws-cdk/core:target": [] })).not.toThrow();
  });

  // The message names the knob, the given value and the allowed ones.
  it.each<[Record<string, unknown>, RegExp]>([
    [{ modelWeights: "real" }, /modelWeights: given "real"; allowed: imagenet, file or seeded/],
    [{ maxCostUSD: 5 }, /maxCostUSD: there is no such knob; did you mean maxCostUsd\?/],
    [{ maxCostUsd: "" }, /maxCostUsd: given ""; allowed: US dollars/],
    [{ maxCostUsd: true }, /maxCostUsd: given true; allowed: US dollars/],
    [{ maxCostUsd: 0 }, /maxCostUsd: given 0; allowed: US dollars/],
    [{ coreCount: "2.5" }, /coreCount: given "2\.5"; allowed: a whole number from 1 to 100/],
    [{ coreCount: 5 }, /coreCount: given 5; allowed: at most maxCoreCount, 4/],
    [{ maxClusterHours: 40 }, /maxClusterHours: given 40; allowed: hours from 41 to 168/],
    [{ maxKeepMinutes: 600 }, /maxKeepMinutes: given 600; allowed: at most 480/],
    [
      { logGroupRetentionDays: 91 },
      /logGroupRetentionDays: given 91; allowed: a retention that CloudWatch Logs offers: 1, 3, 5/,
    ],
    [{ releaseLabel: "emr-6.15.0" }, /releaseLabel: given "emr-6\.15\.0"; allowed: a release 7/],
    [{ jupyterHub: "yes" }, /jupyterHub: given "yes"; allowed: true or false/],
    [{ executorMemory: "6 GB" }, /executorMemory: given "6 GB"; allowed: a size/],
    [{ coreTypes: [] }, /coreTypes: given \[\]; allowed: EC2 instance types/],
    [{ coreTypes: "m6g.xlarge" }, /coreTypes: given m6g\.xlarge; allowed: types of the architecture x86_64/],
    [{ coreTypes: "g5.xlarge", architecture: "arm64" }, /coreTypes: given g5\.xlarge; allowed: .* arm64/],
    [{ inputPrefix: "data" }, /inputPrefix: given "data"; allowed: a prefix that ends/],
    [{ vpcId: "vpc-01" }, /subnetIds: not given; allowed: subnets of vpc-01/],
    [{ subnetIds: "subnet-01" }, /vpcId: not given; allowed: the subnets' VPC/],
    [{ subnetIds: "subnet-01", vpcId: "vpc-01", nat: true }, /nat: given true; allowed: false with subnetIds/],
    [
      { architecture: "arm64", bf16WheelhouseFile: "bf16.tar" },
      /bf16WheelhouseFile: given "bf16\.tar"; allowed: none with architecture arm64/,
    ],
    [
      { encryptedVolumes: true, securityConfiguration: "none" },
      /encryptedVolumes: given true; allowed: false with securityConfiguration none/,
    ],
    [
      { coreSecurityGroupId: "sg-01" },
      /primarySecurityGroupId, serviceAccessSecurityGroupId: not given; allowed: .* together/,
    ],
    [{ emrServiceRoleArn: "arn:aws:iam::000000000000:role/r" }, /emrInstanceProfileArn, emrInstanceRoleArn: not given/],
  ])("refuses %j", (knobs, message) => {
    expect(() => configWith(knobs)).toThrow(message);
  });

  it("refuses more zones than us-west-1 has", () => {
    const knobs = { allowNonEuRegion: true };
    expect(() => configWith(knobs, "us-west-1")).toThrow(/zoneCount: given 3; allowed: at most 2/);
    expect(() => configWith({ ...knobs, zoneCount: 2 }, "us-west-1")).not.toThrow();
  });

  it.each(["us-east-1", "eu-west-2", "eu-central-2"])(
    "refuses %s, which is outside the EU, without allowNonEuRegion",
    (region) => {
      expect(() => configWith({}, region)).toThrow(
        /allowNonEuRegion: given false, and the region is .*; allowed: true, or/,
      );
      expect(() => configWith({ allowNonEuRegion: "true" }, region)).not.toThrow();
      expect(() => configWith({}, "eu-central-1")).not.toThrow();
    },
  );
});
