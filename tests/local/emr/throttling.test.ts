import { expect, it } from "vitest";
import { Throttling } from "../../../local/emr/throttling.ts";

const poll = { ClusterId: "j-1", StepId: "s-1" };

it("refuses the next call of the operation on the cluster, once, and no other", () => {
  const throttling = new Throttling();
  throttling.add({ operation: "DescribeStep", clusterId: "j-1" });

  throttling.check("DescribeStep", { ...poll, ClusterId: "j-2" });
  throttling.check("ListSteps", poll);
  expect(() => throttling.check("DescribeStep", poll)).toThrow("Rate exceeded");
  throttling.check("DescribeStep", poll);
});

it.each([{}, null, { operation: "DescribeStep" }, { operation: 1, clusterId: "j-1" }])(
  "does not take %j",
  (request) => {
    expect(() => new Throttling().add(request)).toThrow('Send {"operation": "DescribeStep"');
  },
);
