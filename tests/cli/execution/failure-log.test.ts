import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createClients } from "../../../cli/account/aws-clients.ts";
import { clusterOf, linesAroundCause, readLogText } from "../../../cli/execution/failure-log.ts";
import { S3Double } from "../../doubles/s3.ts";

describe("linesAroundCause", () => {
  it("keeps the informative lines before and after the root cause", () => {
    const before = Array.from({ length: 30 }, (_, index) => `before ${index}`);
    const info = "26/01/02 03:04:05 INFO BlockManager: Initialized";
    const log = [...before, info, "orchard: error: bad plan", "", "after", info].join("\n");

    const { lines, causeAt } = linesAroundCause(log);

    expect(lines).toEqual([...before.slice(15), "orchard: error: bad plan", "after"]);
    expect(lines[causeAt ?? -1]).toBe("orchard: error: bad plan");
  });

  it("keeps the end of a log that shows no cause", () => {
    expect(linesAroundCause("one\n\ntwo\n")).toEqual({ lines: ["one", "two"], causeAt: null });
  });
});

describe("clusterOf", () => {
  const diagnosis = { cause: "bad", cluster: { id: "j-2", state: "TERMINATED" } };

  it.each([
    ["the cluster of the steps", { cluster: { id: "j-1" }, diagnosis }, "j-1"],
    ["the cluster that did not start", { diagnosis }, "j-2"],
    ["none", {}, undefined],
  ])("finds %s", (_, data, id) => {
    expect(clusterOf(data, { cluster: null })).toBe(id);
  });
});

describe("readLogText", () => {
  it("unzips a log, and finds none that is gone", async () => {
    const s3 = new S3Double();
    const clients = { ...createClients({ AWS_REGION: "eu-west-1" }), s3: s3.client };
    s3.write("logs/stderr.gz", gzipSync("bad\n"));

    expect(new TextDecoder().decode(await readLogText(clients, "s3://data/logs/stderr.gz"))).toBe("bad\n");
    expect(await readLogText(clients, "s3://data/logs/stdout.gz")).toBeUndefined();
  });
});
