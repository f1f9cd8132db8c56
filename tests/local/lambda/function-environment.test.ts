import { expect, test } from "vitest";
import { functionEnvironment } from "../../../local/lambda/function-environment.ts";

const options = {
  endpoint: "http://127.0.0.1:4566",
  region: "eu-central-1",
  directory: "/account",
  credentials: { accessKeyId: "key", secretAccessKey: "secret" },
  taskRoot: "/account/lambda/1",
  functionName: "preflight",
  functionVersion: "1",
  logGroupName: "group",
  logStreamName: "stream",
};

test("a function reads the account's AWS settings, because without HOME the SDK finds those of the person", () => {
  expect(functionEnvironment({ Environment: { Variables: { MODE: "mini" } } }, options)).toMatchObject({
    MODE: "mini",
    AWS_CONFIG_FILE: "/account/aws/config",
    AWS_SHARED_CREDENTIALS_FILE: "/account/aws/credentials",
  });
});
