import { describe, expect, it } from "vitest";
import { incompatibleChanges, type StackTemplate } from "../../../cli/deployment/incompatible-changes.ts";

const deployed: StackTemplate = {
  Resources: {
    Role: { Type: "AWS::IAM::Role", Properties: { Path: "/" } },
    Preflight: { Type: "AWS::Lambda::Function", Properties: { Code: "a" } },
    Version: { Type: "AWS::Lambda::Version", DeletionPolicy: "Retain", Properties: { FunctionName: "Preflight" } },
    Machine: {
      Type: "AWS::StepFunctions::StateMachine",
      Properties: { DefinitionString: "{}", RoleArn: { "Fn::GetAtt": ["Role", "Arn"] } },
    },
    Alarm: { Type: "AWS::CloudWatch::Alarm", Properties: { Threshold: 1 } },
  },
};

function changed(changes: NonNullable<StackTemplate["Resources"]>, ...removed: readonly string[]): StackTemplate {
  return {
    Resources: Object.fromEntries(
      Object.entries({ ...deployed.Resources, ...changes }).filter(([id]) => !removed.includes(id)),
    ),
  };
}

function machine(properties: object) {
  return {
    Machine: { Type: "AWS::StepFunctions::StateMachine", Properties: { DefinitionString: "{}", ...properties } },
  };
}

describe("incompatibleChanges", () => {
  it.each<[string, StackTemplate]>([
    ["an unchanged template", deployed],
    ["a new resource", changed({ Queue: { Type: "AWS::SQS::Queue" } })],
    ["other code of a function", changed({ Preflight: { Type: "AWS::Lambda::Function", Properties: { Code: "b" } } })],
    [
      "another definition",
      changed(
        machine({ DefinitionString: "{ }", RoleArn: { "Fn::GetAtt": ["Role", "Arn"] }, DefinitionSubstitutions: {} }),
      ),
    ],
    ["a retained old version", changed({}, "Version")],
    ["a removed alarm", changed({}, "Alarm")],
  ])("ignores %s", (_, wanted) => {
    expect(incompatibleChanges(deployed, wanted)).toEqual([]);
  });

  it.each<[string, StackTemplate]>([
    ["removes Role (AWS::IAM::Role)", changed({}, "Role")],
    ["changes Role (AWS::IAM::Role)", changed({ Role: { Type: "AWS::IAM::Role", Properties: { Path: "/x/" } } })],
    ["changes Role (AWS::IAM::Role)", changed({ Role: { Type: "AWS::SNS::Topic", Properties: { Path: "/" } } })],
    ["removes Preflight (AWS::Lambda::Function)", changed({}, "Preflight")],
    ["removes Machine (AWS::StepFunctions::StateMachine)", changed({}, "Machine")],
    ["changes Machine (AWS::StepFunctions::StateMachine)", changed(machine({ RoleArn: "another" }))],
  ])("reports that the deployment %s", (change, wanted) => {
    expect(incompatibleChanges(deployed, wanted)).toEqual([change]);
  });

  it("reports the removal of a function version that is not retained", () => {
    const version = { Type: "AWS::Lambda::Version", DeletionPolicy: "Delete" };
    const before = { Resources: { Version: version } };
    expect(incompatibleChanges(before, { Resources: {} })).toEqual(["removes Version (AWS::Lambda::Version)"]);
  });
});
