import { setTimeout as sleep } from "node:timers/promises";
import { DescribeClusterCommand, type EMRClient } from "@aws-sdk/client-emr";
import { beforeEach, expect, test, vi } from "vitest";
import { confirmTerminated, type Polling } from "../../../lambdas/teardown/confirm-termination.ts";
import { emrClient } from "../../doubles/emr.ts";

vi.mock("node:timers/promises", () => ({ setTimeout: vi.fn() }));

/** Ids in the order in which the clusters were described. */
let described: (string | undefined)[];
beforeEach(() => {
  described = [];
  vi.mocked(sleep).mockClear();
});

/** EMR whose clusters are TERMINATED from the given request on, and TERMINATING before it. */
function emrThatEnds(from: number): EMRClient {
  return emrClient(async (command) => {
    if (!(command instanceof DescribeClusterCommand)) throw new Error("No answer to that");
    const { ClusterId: Id } = command.input;
    described.push(Id);
    return { Cluster: { Id, Status: { State: described.length >= from ? "TERMINATED" : "TERMINATING" } } };
  });
}

function confirm(emr: EMRClient, clusterIds: string[], polling?: Polling): Promise<unknown> {
  return confirmTerminated({ state: { teardown: { clusterIds, states: {} } } }, emr, polling);
}

test("asks as often as allowed, and pauses between the requests only", async () => {
  await expect(confirm(emrThatEnds(99), ["j-1"], { attempts: 3, pauseMs: 20 })).rejects.toThrow();

  expect(described).toHaveLength(3);
  expect(vi.mocked(sleep).mock.calls).toEqual([[20], [20]]);
});

test("asks five times within 16 seconds by default", async () => {
  expect(await confirm(emrThatEnds(5), ["j-1"])).toEqual({ terminated: true, clusterIds: ["j-1"] });

  expect(vi.mocked(sleep).mock.calls).toEqual(Array(4).fill([4_000]));
});

test("names every cluster that is not terminated, with its state", async () => {
  await expect(confirm(emrThatEnds(99), ["j-1", "j-2"], { attempts: 1, pauseMs: 0 })).rejects.toMatchObject({
    name: "ClusterStillTerminating",
    message: "Not terminated yet: j-1 is TERMINATING, j-2 is TERMINATING",
  });
});

test("has nothing to confirm without clusters", async () => {
  expect(await confirm(emrThatEnds(99), [])).toEqual({ terminated: true, clusterIds: [] });
});
