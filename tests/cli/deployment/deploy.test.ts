import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  CreateStackCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackUpdateComplete,
} from "@aws-sdk/client-cloudformation";
import { CreateSubnetCommand, DeleteSubnetCommand, EC2Client } from "@aws-sdk/client-ec2";
import { DescribeClusterCommand, ListClustersCommand } from "@aws-sdk/client-emr";
import { HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { DescribeExecutionCommand, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { clientSettings } from "../../../cli/account/aws-clients.ts";
import { readDeployment } from "../../../cli/deployment/deployed-stacks.ts";
import { root } from "../../../cli/toolchain/places.ts";
import { closedKey } from "../../../lambdas/contract/s3-layout.ts";
import { waitUntil } from "../../../shared/wait-until.ts";
import { leadInProcess, orchard } from "../account/account-commands.ts";
import { answerQuestion } from "../account/answer-question.ts";
import { createCluster } from "../account/clusters.ts";
import { type EmptyAccount, main, makeImages, startEmptyAccount } from "../account/empty-account.ts";
import { checkCases } from "../check-aws/check-cases.ts";
import { scheduleCases, scheduleKnobs } from "./schedule-cases.ts";

const commandMs = 600_000;
const clusterMs = 120_000;
const question = "Remove this from account";

// The tests depend on their order: a deployment takes long, so they share it.
describe("deploy and destroy", { timeout: commandMs }, () => {
  let account: EmptyAccount;
  let bucket = "";
  let stateMachineArn = "";
  let clusterId = "";
  beforeAll(async () => {
    account = await startEmptyAccount();
    leadInProcess(account);
  }, commandMs);
  afterAll(() => account.stop(), commandMs);

  const options = () => ({ cwd: root, reject: false, extendEnv: false, stdin: "ignore", env: account.env }) as const;
  const stacks = async (StackName?: string) =>
    (await account.clients.cloudFormation.send(new DescribeStacksCommand({ StackName }))).Stacks ?? [];
  const stackNames = async () => (await stacks()).map(({ StackName }) => StackName);
  const clusterState = async (id: string) => {
    const { Cluster } = await account.clients.emr.send(new DescribeClusterCommand({ ClusterId: id }));
    return Cluster?.Status?.State;
  };

  it.each([
    [
      "credentials",
      { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined },
      "There are no valid AWS credentials",
    ],
    ["region", { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined }, "No region is set"],
  ])("reports missing %s in one line, with exit code 2", async (_, env, message) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const { exitCode, stderr } = await orchard("deploy", "--yes");
    for (const name of Object.keys(env)) vi.stubEnv(name, account.env[name]);

    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(exitCode).toBe(2);
  });

  it("does not ask for confirmation without a terminal, with exit code 2", async () => {
    for (const command of ["deploy", "destroy"]) {
      const { exitCode, stderr } = await orchard(command);
      expect(stderr).toContain("--yes");
      expect(exitCode).toBe(2);
    }
    expect(await stackNames()).toEqual([]);
  });

  it("names an invalid knob, with exit code 2 and without creating anything", async () => {
    const { exitCode, stderr } = await orchard("deploy", "--yes", "-c", "maxCostUsd=nothing");

    expect(stderr).toContain("maxCostUsd: ");
    expect(stderr).not.toContain("    at ");
    expect(exitCode).toBe(2);
    expect(await stackNames()).toEqual([]);
  });

  it("bootstraps, shows the differences, deploys, and prints the next commands", async () => {
    const record = join(account.home, "account", "deployed");
    writeFileSync(record, "what `orchard local` has deployed");

    const { exitCode, stdout, stderr } = await orchard("deploy", "--yes", "--email", "you@example.org");

    expect(exitCode, stdout + stderr).toBe(0);
    expect(stderr).toContain("Wheels for x86_64");
    expect(stderr).toContain("CDKToolkit is missing");
    expect(stdout).toContain("[+] AWS::StepFunctions::StateMachine");
    expect(stdout).toContain("Confirm the mail that AWS has sent to you@example.org");
    expect(await stackNames()).toEqual(expect.arrayContaining(["CDKToolkit", "Orchard"]));
    const deployment = await readDeployment(account.clients);
    bucket = deployment?.bucket ?? "";
    stateMachineArn = deployment?.stateMachineArn ?? "";
    expect(stdout).toContain(`Orchard.StateMachineArn = ${stateMachineArn}`);
    // The next `orchard local` deploys its own configuration again.
    expect(existsSync(record)).toBe(false);
  });

  it("opens a deployment that destroy has closed, and changes nothing else the second time", async () => {
    const closed = { Bucket: bucket, Key: closedKey };
    await account.clients.s3.send(new PutObjectCommand({ ...closed, Body: "" }));

    const { exitCode, stdout, stderr } = await orchard("deploy", "--yes", "--json", "--email", "you@example.org");

    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ changed: false, stacks: { Orchard: { DataBucketName: bucket } } });
    await expect(account.clients.s3.send(new HeadObjectCommand(closed))).rejects.toMatchObject({ name: "NotFound" });
  });

  /** Creates two stacks of the application that the configuration does not contain. The older one imports from the newer. */
  const makeLeftOverStacks = async (): Promise<void> => {
    const { cloudFormation } = account.clients;
    const parameter = { Type: "AWS::SSM::Parameter", Properties: { Type: "String", Value: "1" } };
    const importer = (Value: unknown) => ({
      StackName: "OldImporter",
      TemplateBody: JSON.stringify({ Resources: { Import: { ...parameter, Properties: { Type: "String", Value } } } }),
      Tags: [{ Key: "orchard:app", Value: "orchard" }],
    });
    const TemplateBody = JSON.stringify({
      Resources: { Secret: parameter },
      Outputs: { Name: { Value: { Ref: "Secret" }, Export: { Name: "exported" } } },
    });
    const waiting = { client: cloudFormation, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
    await cloudFormation.send(new CreateStackCommand(importer("1")));
    await waitUntilStackCreateComplete(waiting, { StackName: "OldImporter" });
    await cloudFormation.send(new CreateStackCommand({ ...importer("1"), StackName: "NewExporter", TemplateBody }));
    await waitUntilStackCreateComplete(waiting, { StackName: "NewExporter" });
    await cloudFormation.send(new UpdateStackCommand(importer({ "Fn::ImportValue": "exported" })));
    await waitUntilStackUpdateComplete(waiting, { StackName: "OldImporter" });
  };

  const createClusterOf = (run: string, creator: string): Promise<string> => {
    const arn = `${creator.replace(":stateMachine:", ":execution:")}:${run}`;
    return createCluster(account.clients, `orchard-${run}`, { "orchard:execution-arn": arn });
  };

  it("says how to deploy a schedule, with exit code 3", async () => {
    const { exitCode, stderr } = await orchard("schedule");

    expect(stderr).toContain("The stack Orchard has no schedule. Deploy one");
    expect(exitCode).toBe(3);
  });

  it("refuses a change that could affect an active cluster, and names both", async () => {
    // Prepare: a kept cluster of an ended execution.
    clusterId = await createClusterOf("kept", stateMachineArn);
    await makeLeftOverStacks();

    // Act: another address removes the subscription of the first one.
    const { exitCode, stdout, stderr } = await orchard("deploy", "--yes", "--email", "other@example.org");

    // Assess
    expect(stdout).toContain("To be removed, because the configuration has none: OldImporter, NewExporter");
    expect(stderr).toContain("this deploy removes Secret (AWS::SSM::Parameter)");
    expect(stderr).toContain(`cluster ${clusterId} (orchard-kept) is `);
    expect(stderr).toMatch(/this deploy removes \w+ \(AWS::SNS::Subscription\)/);
    expect(exitCode).toBe(2);
    expect(["STARTING", "BOOTSTRAPPING", "WAITING"]).toContain(await clusterState(clusterId));
  });

  it("terminates the cluster first with --stop-running, then deploys, and removes the leftover stacks", async () => {
    const { exitCode, stdout, stderr } = await orchard(
      ...["deploy", "--yes", "--json", "--email", "other@example.org", "--stop-running", "-c", "guardrails=false"],
      ...scheduleKnobs,
    );

    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      changed: true,
      removed: ["OldImporter", "NewExporter", "OrchardGuardrails"],
    });
    expect((await stackNames()).sort()).toEqual(["CDKToolkit", "Orchard"]);
    expect(await clusterState(clusterId)).toMatch(/^TERMINATED/);
  });

  scheduleCases(() => account);

  it("changes nothing when the user declines", async () => {
    const answer = (keys: string) => answerQuestion(["destroy"], question, keys, account.env);

    const no = await answer("n\r");
    expect(no.stdout).toContain("Nothing was removed.");
    expect(no.exitCode).toBe(4);
    const interrupted = await answer("\u0003");
    expect(interrupted.exitCode).toBe(130);
    expect(await stackNames()).toContain("Orchard");
  });

  it("refuses to remove the stack while an execution is running, and names the execution", async () => {
    const images = await makeImages(join(account.home, "images"), 20);
    const upload = await orchard("upload", images);
    expect(upload.stdout).toContain("20 uploaded");
    const name = "still-running";
    await account.clients.sfn.send(
      new StartExecutionCommand({ stateMachineArn, name, input: '{"mode":"mini","pca":{"components":2}}' }),
    );
    await cluster(name);

    const { exitCode, stderr } = await orchard("destroy", "--yes");

    expect(stderr).toContain(`execution ${name} is RUNNING`);
    expect(exitCode).toBe(2);
    expect(await stackNames()).toContain("Orchard");
  });

  const cluster = async (name: string): Promise<string> => {
    let id: string | undefined;
    const isThere = async (): Promise<boolean> => {
      const { Clusters = [] } = await account.clients.emr.send(new ListClustersCommand({}));
      id = Clusters.find(({ Name }) => Name === `orchard-${name}`)?.Id;
      return id !== undefined;
    };
    expect(await waitUntil(isThere, { timeoutMs: clusterMs }), "the execution creates a cluster").toBe(true);
    return id ?? "";
  };

  it("stops the execution with --stop-running, waits for its cluster, and keeps the data bucket", async () => {
    const id = await cluster("still-running");

    const { exitCode, stdout, stderr } = await orchard("destroy", "--yes", "--json", "--stop-running");

    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ stacks: ["Orchard"], keptBucket: bucket });
    const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:still-running`;
    const { status } = await account.clients.sfn.send(new DescribeExecutionCommand({ executionArn }));
    expect(status).toBe("ABORTED");
    expect(await clusterState(id)).toMatch(/^TERMINATED/);
    expect(await stackNames()).toEqual(["CDKToolkit"]);
    const { KeyCount } = await account.clients.s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: "data/raw/" }),
    );
    expect(KeyCount).toBe(20);
  });

  it("names a cluster that is left without a stack, ends it with --stop-running, and never succeeds before", async () => {
    // Prepare: a cluster of the state machine that is gone.
    const id = await createClusterOf("left", stateMachineArn);

    // Act
    const refused = await orchard("destroy", "--yes");
    const status = await orchard("status");
    const ended = await orchard("destroy", "--yes", "--json", "--stop-running");

    // Assess
    expect(refused.stderr).toContain(`cluster ${id} (orchard-left) is `);
    expect(refused.exitCode).toBe(2);
    expect(status.stdout).toMatch(new RegExp(`${id}  +\\w+  +1 m5.xlarge ON_DEMAND .*orchard-left`));
    expect(status.exitCode).toBe(1);
    expect(ended.exitCode, ended.stderr).toBe(0);
    expect(JSON.parse(ended.stdout)).toEqual({ stacks: [], endedClusters: [id] });
    expect(await clusterState(id)).toMatch(/^TERMINATED/);
  });

  it("goes on after Ctrl-C, and after a deletion that CloudFormation could not complete", async () => {
    // Prepare: a subnet of another owner keeps CloudFormation from deleting the VPC, as EMR's network interfaces do.
    const { cloudFormation, s3 } = account.clients;
    const Resources = {
      Vpc: { Type: "AWS::EC2::VPC", Properties: { CidrBlock: "10.0.0.0/16" } },
      Data: { Type: "AWS::S3::Bucket", DeletionPolicy: "Retain", Properties: { BucketName: "interrupted" } },
    };
    const TemplateBody = JSON.stringify({ Resources, Outputs: { Vpc: { Value: { Ref: "Vpc" } } } });
    const Tags = [{ Key: "orchard:app", Value: "orchard" }];
    const StackName = "Orchard";
    await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody, Tags }));
    const waiting = { client: cloudFormation, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
    await waitUntilStackCreateComplete(waiting, { StackName });
    const [created] = await stacks(StackName);
    const subnet = { VpcId: created?.Outputs?.[0]?.OutputValue, CidrBlock: "10.0.1.0/24" };
    const ec2 = new EC2Client(clientSettings(account.env));
    const { Subnet } = await ec2.send(new CreateSubnetCommand(subnet));

    // Act: the command looks twice for what runs, with a pause in between.
    const interrupted = execa(process.execPath, [main, "destroy", "--yes", "--stop-running"], options());
    let shown = "";
    interrupted.stderr?.on("data", (chunk: Buffer) => {
      shown += chunk.toString();
    });
    expect(await waitUntil(() => shown.includes("What runs"), { timeoutMs: commandMs })).toBe(true);
    interrupted.kill("SIGINT");
    const { exitCode, stderr } = await interrupted;
    await s3.send(new HeadObjectCommand({ Bucket: "interrupted", Key: closedKey }));
    const failed = await orchard("destroy", "--yes", "--stop-running");
    const [left] = await stacks(StackName);
    const deploy = await orchard("deploy", "--yes");
    await ec2.send(new DeleteSubnetCommand({ SubnetId: Subnet?.SubnetId }));
    const again = await orchard("destroy", "--yes", "--stop-running");

    // Assess
    expect(stderr.trimEnd().split("\n").at(-1)).toBe(
      "Interrupted. Orchard, executions, and clusters that cost money may still be there. No run can start until `orchard deploy` opens the deployment, or `orchard destroy` removes it. Go on with: orchard destroy --stop-running",
    );
    expect(exitCode).toBe(130);
    expect(failed.stderr).toMatch(
      /The stack Orchard could not be deleted: DELETE_FAILED.*Vpc.*\nNo cluster is alive\.\nNo run can start now/,
    );
    expect([failed.exitCode, left?.StackStatus]).toEqual([1, "DELETE_FAILED"]);
    expect(deploy.stderr).toContain("the stack Orchard is DELETE_FAILED. First: orchard destroy");
    expect(deploy.exitCode).toBe(2);
    expect(again.exitCode, again.stderr).toBe(0);
    expect(await stackNames()).not.toContain(StackName);
  });

  it("finds nothing to remove afterwards", async () => {
    const { exitCode, stdout } = await orchard("destroy", "--yes");
    expect(stdout).toContain("Nothing of Orchard is deployed");
    expect(exitCode).toBe(0);
  });

  checkCases(
    () => account,
    () => join(account.home, "images"),
  );
});
