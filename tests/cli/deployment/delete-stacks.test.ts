import { DeleteStackCommand, type Stack } from "@aws-sdk/client-cloudformation";
import { describe, expect, it } from "vitest";
import type { Clients } from "../../../cli/account/aws-clients.ts";
import { deleteStack, importersFirst } from "../../../cli/deployment/delete-stacks.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";

function stack(StackName: string, minute: number): Stack {
  return {
    StackName,
    CreationTime: new Date(minute * 60_000),
    StackStatus: "CREATE_COMPLETE",
  };
}

describe("the order in which stacks are deleted", () => {
  const order = (stacks: readonly Stack[], importers: Readonly<Record<string, readonly string[]>>) =>
    importersFirst(stacks, new Map(Object.entries(importers))).map(({ StackName }) => StackName);

  it("puts importers first, also those of a newer exporter", () => {
    const stacks = [stack("Orchard", 1), stack("OrchardGuardrails", 2), stack("OrchardSecurity", 3)];
    expect(order(stacks, { OrchardSecurity: ["Orchard"] })).toEqual([
      "Orchard",
      "OrchardSecurity",
      "OrchardGuardrails",
    ]);
  });

  it("puts the importers of importers before both", () => {
    const stacks = [stack("C", 1), stack("B", 2), stack("A", 3)];
    expect(order(stacks, { A: ["B", "C"], B: ["C"] })).toEqual(["C", "B", "A"]);
  });

  it("puts the newest first without imports, or with imports by foreign stacks only", () => {
    const stacks = [stack("Orchard", 1), stack("OrchardGuardrails", 2)];
    expect(order(stacks, { Orchard: ["SomebodyElses"] })).toEqual(["OrchardGuardrails", "Orchard"]);
  });
});

describe("a delete that CloudFormation refuses", () => {
  const reason = "Export X cannot be deleted as it is in use by Y";

  // The embedded account only refuses at once. For the other case, see github.com/USSBA/aws-cft-tools/issues/27.
  it.each<[string, () => unknown]>([
    [
      "at once",
      () => {
        throw Object.assign(new Error(reason), { name: "ValidationError" });
      },
    ],
    ["later, with the stack unchanged", () => ({})],
  ])("fails with CloudFormation's reason when it refuses %s", async (_, onDelete) => {
    const left = { ...stack("Exporter", 1), StackStatusReason: reason };
    const send = async (command: unknown) => (command instanceof DeleteStackCommand ? onDelete() : { Stacks: [left] });
    const clients = { cloudFormation: { send } } as unknown as Clients;

    const deleting = deleteStack(new Lifetime(), clients, left, () => undefined);

    await expect(deleting).rejects.toMatchObject({ name: "CommandFailed", message: expect.stringContaining(reason) });
  });
});
