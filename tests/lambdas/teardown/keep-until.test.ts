import { PutAutoTerminationPolicyCommand } from "@aws-sdk/client-emr";
import { beforeEach, expect, test } from "vitest";
import { ClusterNotOurs } from "../../../lambdas/runtime/errors.ts";
import { keepCluster } from "../../../lambdas/teardown/keep-until.ts";
import { EmrDouble, emrClient } from "../../doubles/emr.ts";
import { aPlan } from "../fixtures.ts";
import { creator, execution, now, until } from "../kept-cluster.ts";

let emr: EmrDouble;
beforeEach(() => {
  emr = new EmrDouble();
});

const tags = { "orchard:execution-arn": creator.id };

function keep(id: string, maxHours = 10) {
  const plan = aPlan("data", { keepMinutes: 30, maxHours });
  return keepCluster({ state: { plan, cluster: { id } }, execution: creator }, emr.client, now);
}

test("sets the deadline's tag, and an idle timeout a little later", async () => {
  const id = emr.create("orchard-run-1", tags);

  const kept = await keep(id);

  expect(kept).toEqual({ clusterId: id, until, usdPerHour: expect.closeTo(0.28, 1) });
  expect(emr.find(id).Tags).toContainEqual({ Key: "orchard:keep-until", Value: until });
  expect(emr.idleTimeouts.get(id)).toBe(45 * 60);
  expect(emr.stateOf(id)).toBe("WAITING");
});

test("keeps a cluster no longer than maxHours", async () => {
  const created = new Date("2026-01-01T11:40:00.500Z");
  const id = emr.create("orchard-run-1", tags, {}, created);

  const kept = await keep(id, 0.5);

  expect(kept.until).toBe("2026-01-01T12:10:00Z");
  expect(emr.idleTimeouts.get(id)).toBe(25 * 60);
});

test("refuses another execution's cluster", async () => {
  const id = emr.create("orchard-run-1", { "orchard:execution-arn": execution.id });

  await expect(keep(id)).rejects.toThrow(
    new ClusterNotOurs(`Cluster ${id} belongs to ${execution.id}, not to ${creator.id}`),
  );
  await expect(keep(emr.create("orchard-run-1", {}))).rejects.toThrow("belongs to no execution, not to");

  expect(emr.idleTimeouts.size).toBe(0);
});

test("refuses a cluster that has been terminated meanwhile", async () => {
  const id = emr.create("orchard-run-1", tags, { Status: { State: "TERMINATING" } });

  await expect(keep(id)).rejects.toThrow(`Cluster ${id} is TERMINATING and cannot be kept`);
});

test("does not ask the sweep to spare a cluster whose idle timeout could not be set", async () => {
  const id = emr.create("orchard-run-1", tags);
  const refusing = emrClient(async (command) => {
    if (command instanceof PutAutoTerminationPolicyCommand) throw new Error("Rate exceeded");
    return emr.client.send(command as never);
  });
  const request = { state: { plan: aPlan("data", { keepMinutes: 30 }), cluster: { id } }, execution: creator };

  await expect(keepCluster(request, refusing, now)).rejects.toThrow("Rate exceeded");

  expect(emr.find(id).Tags?.map(({ Key }) => Key)).toEqual(["orchard:execution-arn"]);
});
