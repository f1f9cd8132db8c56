import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bashStep, fleets, jobFlow } from "../account-fixtures.ts";

/** An implementation of EMR: the embedded account's or the simulation's. */
export interface EmrUnderTest {
  /** Sends one request. Rejects with an error whose name is the service's error code. */
  // biome-ignore lint/suspicious/noExplicitAny: as many types as operations
  call(operation: string, input: object): Promise<any>;
  /** Reads until the answer satisfies the condition, and lets time pass between reads. */
  until<T>(read: () => Promise<T>, isDone: (answer: T) => boolean): Promise<T>;
  stop(): Promise<void>;
}

const badBootstrap = { Name: "bad", ScriptBootstrapAction: { Path: "s3://there-is-none/bad.sh", Args: [] } };
const endedStepStates = ["COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"];

/** Defines the tests that each implementation of EMR must pass. */
export function emrContract(name: string, start: () => Promise<EmrUnderTest>): void {
  describe(name, () => {
    let emr: EmrUnderTest;
    beforeAll(async () => {
      emr = await start();
    });
    afterAll(() => emr?.stop());

    const run = async (more: object = {}): Promise<string> =>
      (await emr.call("RunJobFlow", jobFlow("contract", more))).JobFlowId;
    const cluster = async (ClusterId: string) => (await emr.call("DescribeCluster", { ClusterId })).Cluster;
    const reached = (id: string, ...states: string[]) =>
      emr.until(
        () => cluster(id),
        (found) => states.includes(found.Status.State),
      );
    const add = async (id: string, ...Steps: object[]): Promise<string[]> =>
      (await emr.call("AddJobFlowSteps", { JobFlowId: id, Steps })).StepIds;
    const step = async (ClusterId: string, StepId: string) =>
      (await emr.call("DescribeStep", { ClusterId, StepId })).Step;
    const finished = (id: string, stepId: string) =>
      emr.until(
        () => step(id, stepId),
        (found) => endedStepStates.includes(found.Status.State),
      );
    const terminate = (...JobFlowIds: string[]) => emr.call("TerminateJobFlows", { JobFlowIds });
    const protect = (id: string, TerminationProtected: boolean) =>
      emr.call("SetTerminationProtection", { JobFlowIds: [id], TerminationProtected });

    it("starts a cluster, lists it by state and time and describes it with its tags", async () => {
      const before = Date.now() / 1000;
      const id = await run({ Tags: [{ Key: "a", Value: "1" }] });
      const ready = await reached(id, "WAITING");
      await emr.call("AddTags", { ResourceId: id, Tags: [{ Key: "b", Value: "2" }] });
      const tags = (await cluster(id)).Tags;
      const waiting: { Id: string; Name: string; Tags?: unknown }[] = [];
      let Marker: string | undefined;
      do {
        const page = await emr.call("ListClusters", { ClusterStates: ["WAITING"], ...(Marker ? { Marker } : {}) });
        waiting.push(...page.Clusters);
        Marker = page.Marker;
      } while (Marker);
      const createdAt: number = ready.Status.Timeline.CreationDateTime;
      const later = await emr.call("ListClusters", { CreatedAfter: Math.max(before, createdAt) + 3_600 });

      expect(id).toMatch(/^j-[A-Z0-9]{13}$/);
      expect(ready).toMatchObject({ Id: id, Name: "contract", TerminationProtected: false });
      expect(tags).toEqual([
        { Key: "a", Value: "1" },
        { Key: "b", Value: "2" },
      ]);
      expect(waiting.find(({ Id }) => Id === id)).toMatchObject({ Name: "contract" });
      expect(waiting.every(({ Tags }) => Tags === undefined)).toBe(true);
      expect(later.Clusters).toEqual([]);
    });

    it("runs steps one at a time, continues after a failed one and cancels active ones", async () => {
      const id = await run();
      const ids = await add(
        id,
        bashStep("bad", "exit 1"),
        bashStep("good", "exit 0"),
        bashStep("long", "sleep 600"),
        bashStep("waiting", "exit 0"),
      );
      const [bad = "", good = "", long = "", waiting = ""] = ids;
      await emr.until(
        () => step(id, long),
        ({ Status: { State: state } }) => state === "RUNNING",
      );
      const pending = (await step(id, waiting)).Status.State;
      const answer = await emr.call("CancelSteps", { ClusterId: id, StepIds: [long, waiting, good] });
      const states = [];
      for (const stepId of ids) states.push((await finished(id, stepId)).Status.State);
      const listed = await emr.call("ListSteps", { ClusterId: id });

      expect(pending).toBe("PENDING");
      expect(answer.CancelStepsInfoList.map((info: { Status: string }) => info.Status)).toEqual([
        "SUBMITTED",
        "SUBMITTED",
        "FAILED",
      ]);
      expect(states).toEqual(["FAILED", "COMPLETED", "CANCELLED", "CANCELLED"]);
      expect((await step(id, bad)).Status.FailureDetails).toMatchObject({ Reason: "Unknown Error." });
      expect(listed.Steps.map(({ Name }: { Name: string }) => Name)).toEqual(["waiting", "long", "good", "bad"]);
      expect((await reached(id, "WAITING")).Status.State).toBe("WAITING");
    });

    it("passes through TERMINATING, cancels the running step and refuses modifications", async () => {
      const id = await run();
      const [long = ""] = await add(id, bashStep("long", "sleep 600"));
      await reached(id, "RUNNING");
      await terminate(id);
      const stateAfterRequest = (await cluster(id)).Status.State;
      const terminated = await reached(id, "TERMINATED");
      await terminate(id);

      expect(["TERMINATING", "TERMINATED"]).toContain(stateAfterRequest);
      expect(terminated.Status.StateChangeReason).toEqual({
        Code: "USER_REQUEST",
        Message: "Terminated by user request",
      });
      expect((await step(id, long)).Status.State).toBe("CANCELLED");
      for (const refused of [() => add(id, bashStep("late", "exit 0")), () => protect(id, true)]) {
        await expect(refused()).rejects.toMatchObject({
          name: "ValidationException",
          message: expect.stringContaining("terminated, or finished may not be modified"),
        });
      }
    });

    it("can be terminated while it starts", async () => {
      const id = await run();
      await terminate(id);
      expect((await reached(id, "TERMINATED", "TERMINATED_WITH_ERRORS")).Status.State).toBe("TERMINATED");
    });

    it("can be terminated before its bootstrap action and never leaves TERMINATING but for TERMINATED", async () => {
      const id = await run({ BootstrapActions: [badBootstrap] });
      await terminate(id);
      const seen = new Set<string>();
      const found = await emr.until(
        async () => {
          const described = await cluster(id);
          seen.add(described.Status.State);
          return described;
        },
        ({ Status: { State: state } }) => state.startsWith("TERMINATED"),
      );
      expect([...seen]).toEqual(["TERMINATING", "TERMINATED"]);
      expect(found.Status.StateChangeReason.Code).toBe("USER_REQUEST");
    });

    it("refuses to terminate a protected cluster and terminates the others of the request", async () => {
      const [safe, other] = [await run(), await run()];
      await protect(safe, true);
      await expect(terminate(safe, other)).rejects.toMatchObject({
        name: "ValidationException",
        message: expect.stringContaining("termination protected"),
      });
      await reached(other, "TERMINATED");
      expect((await cluster(safe)).TerminationProtected).toBe(true);
      await protect(safe, false);
      await terminate(safe);
      await reached(safe, "TERMINATED");
    });

    it.each([
      ["a bootstrap action", { BootstrapActions: [badBootstrap] }, "BOOTSTRAP_FAILURE"],
      [
        "a TERMINATE_CLUSTER step",
        { Steps: [{ ...bashStep("bad", "exit 1"), ActionOnFailure: "TERMINATE_CLUSTER" }] },
        "STEP_FAILURE",
      ],
    ])("ends with errors when %s fails", async (_case, more, code) => {
      const found = await reached(await run(more), "TERMINATED", "TERMINATED_WITH_ERRORS");
      expect(found.Status).toMatchObject({ State: "TERMINATED_WITH_ERRORS", StateChangeReason: { Code: code } });
    });

    it("ends after its idle time-out, also after one that was set while it was idle", async () => {
      const first = await run({ AutoTerminationPolicy: { IdleTimeout: 60 } });
      const changed = await run({ AutoTerminationPolicy: { IdleTimeout: 3600 } });
      await reached(changed, "WAITING");
      await emr.call("PutAutoTerminationPolicy", { ClusterId: changed, AutoTerminationPolicy: { IdleTimeout: 60 } });
      for (const id of [first, changed]) {
        const found = await reached(id, "TERMINATED", "TERMINATED_WITH_ERRORS");
        expect(found.Status).toMatchObject({ State: "TERMINATED", StateChangeReason: { Code: "USER_REQUEST" } });
      }
    }, 120_000);

    it("lists the instances of fleets with type, market and times, also after termination", async () => {
      const subnets = ["subnet-a", "subnet-b"];
      const id = await run({ Instances: fleets({ Ec2SubnetIds: subnets, TerminationProtected: false }) });
      const listed = await emr.call("ListInstanceFleets", { ClusterId: id });
      const ready = await reached(id, "WAITING");
      const [primary, core] = (await emr.call("ListInstanceFleets", { ClusterId: id })).InstanceFleets;
      await terminate(id);
      await reached(id, "TERMINATED");
      const { Instances: instances } = await emr.call("ListInstances", { ClusterId: id });
      const spot = await emr.call("ListInstances", { ClusterId: id, InstanceFleetType: "CORE" });
      const [, gone] = (await emr.call("ListInstanceFleets", { ClusterId: id })).InstanceFleets;

      expect(ready.InstanceCollectionType).toBe("INSTANCE_FLEET");
      expect(listed.InstanceFleets.map((fleet: { Id: string }) => fleet.Id)).toEqual([primary.Id, core.Id]);
      expect(primary).toMatchObject({ InstanceFleetType: "MASTER", ProvisionedOnDemandCapacity: 1 });
      expect(core).toMatchObject({
        Status: { State: "RUNNING" },
        ProvisionedOnDemandCapacity: 1,
        ProvisionedSpotCapacity: 2,
        InstanceTypeSpecifications: [{ InstanceType: "m5.2xlarge" }, { InstanceType: "m5a.2xlarge" }],
      });
      expect(gone).toMatchObject({
        TargetSpotCapacity: 2,
        ProvisionedSpotCapacity: 0,
        Status: { State: "TERMINATED" },
      });
      expect(new Set(instances.map((one: { Id: string }) => one.Id)).size).toBe(4);
      expect(spot.Instances.map((one: { Market: string }) => one.Market)).toEqual(["ON_DEMAND", "SPOT", "SPOT"]);
      for (const one of spot.Instances) {
        expect(one).toMatchObject({ InstanceFleetId: core.Id, InstanceType: "m5.2xlarge" });
        const { CreationDateTime: start, ReadyDateTime: at, EndDateTime: end } = one.Status.Timeline;
        expect(start <= at && at <= end, JSON.stringify(one.Status)).toBe(true);
      }
      await expect(emr.call("ListInstanceGroups", { ClusterId: id })).rejects.toMatchObject({
        name: "InvalidRequestException",
        message: expect.stringContaining("uses instance fleets"),
      });
    });

    it("provisions capacity by weight, and runs on a lone primary node", async () => {
      const weighted = fleets().InstanceFleets.map((fleet) =>
        fleet.InstanceFleetType === "CORE"
          ? {
              ...fleet,
              TargetSpotCapacity: 0,
              TargetOnDemandCapacity: 5,
              InstanceTypeConfigs: [{ InstanceType: "m5.2xlarge", WeightedCapacity: 2 }],
            }
          : fleet,
      );
      const wide = await run({ Instances: fleets({ InstanceFleets: weighted }) });
      const alone = await run({ Instances: fleets({ InstanceFleets: fleets().InstanceFleets.slice(0, 1) }) });
      await reached(alone, "WAITING");
      const [, core] = (await emr.call("ListInstanceFleets", { ClusterId: wide })).InstanceFleets;
      const counts = [];
      for (const ClusterId of [wide, alone])
        counts.push((await emr.call("ListInstances", { ClusterId })).Instances.length);
      await terminate(wide, alone);

      expect(core.ProvisionedOnDemandCapacity).toBe(6);
      expect(counts).toEqual([4, 1]);
    });

    it("accepts another managed scaling policy and refuses an invalid one", async () => {
      const policy = (maximum: number) => ({
        ComputeLimits: { UnitType: "InstanceFleetUnits", MinimumCapacityUnits: 2, MaximumCapacityUnits: maximum },
      });
      const put = (maximum: number) =>
        emr.call("PutManagedScalingPolicy", { ClusterId: id, ManagedScalingPolicy: policy(maximum) });
      const id = await run({ Instances: fleets(), ManagedScalingPolicy: policy(4) });

      expect(await put(8)).toEqual({});
      await expect(put(1)).rejects.toMatchObject({ name: "ValidationException" });
      await terminate(id);
    });

    it("refuses an invalid request without creating a cluster", async () => {
      const both = { ...fleets(), InstanceGroups: jobFlow("").Instances.InstanceGroups };
      await expect(run({ Name: "refused", Instances: both })).rejects.toMatchObject({
        name: "ValidationException",
        message: expect.stringContaining("mutually exclusive"),
      });
      const { Clusters: found } = await emr.call("ListClusters", {});
      expect(found.map(({ Name }: { Name: string }) => Name)).not.toContain("refused");
    });

    it.each([
      ["DescribeCluster", { ClusterId: "j-NONE" }, "InvalidRequestException", "Cluster id 'j-NONE' is not valid."],
      ["ListSteps", { ClusterId: "j-NONE" }, "InvalidRequestException", "Cluster id 'j-NONE' is not valid."],
      ["TerminateJobFlows", { JobFlowIds: ["j-NONE"] }, "ValidationException", "job flow ID does not exist"],
      ["TerminateJobFlows", { JobFlowIds: Array(11).fill("j-X") }, "ValidationException", "more than 10"],
    ])("refuses %s of %j", async (operation, input, error, message) => {
      await expect(emr.call(operation, input)).rejects.toMatchObject({
        name: error,
        message: expect.stringContaining(message),
      });
    });
  });
}
