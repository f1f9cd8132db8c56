import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openTarget } from "../../../cli/account/deployment-target.ts";
import { conflictingSettings, exportLines, isOnThisMachine } from "../../../cli/account/embedded-environment.ts";
import { openChosenTarget } from "../../../cli/account/target-options.ts";
import { Cdk } from "../../../cli/deployment/cdk-command.ts";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { accountEnv } from "../../../local/account-env.ts";
import { deadProxies, hostileVariables, otherAccount } from "../setup/hostile-environment.ts";

/** The account that STS answers with. */
let account = "000000000000";
let sts: Server;
const directory = mkdtempSync(join(tmpdir(), "account's folder-"));
let exported: Readonly<Record<string, string>>;
beforeAll(async () => {
  sts = createServer((request, response) => {
    request.resume().on("end", () => {
      response.setHeader("content-type", "text/xml");
      response.end(
        `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>${account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
      );
    });
  });
  await new Promise<void>((resolve) => sts.listen(0, "127.0.0.1", resolve));
  exported = accountEnv(`http://127.0.0.1:${(sts.address() as AddressInfo).port}`, directory);
});
afterAll(() => {
  sts.close();
  rmSync(directory, { recursive: true });
});

describe("a command with the embedded account's exports", () => {
  it("gives its tools the exports, an empty home and none of the person's settings", async () => {
    account = "000000000000";

    const { env, region } = await openTarget({ ...hostileVariables, ...deadProxies, HOME: "/home/you", ...exported });

    expect(region).toBe(exported["AWS_REGION"]);
    expect(env).toMatchObject({
      AWS_ENDPOINT_URL: exported["AWS_ENDPOINT_URL"],
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "false",
    });
    expect(env["HOME"]).toMatch(/account\/home$/);
    expect(env["AWS_CONFIG_FILE"]).toContain(env["HOME"]);
    expect(Object.keys(env).filter((name) => name in hostileVariables || name in deadProxies)).toEqual([]);
  });

  it.each([
    ["AWS_PROFILE", "production"],
    ["AWS_DEFAULT_PROFILE", "production"],
    ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"],
  ])("is refused while %s is set, with the line that mends it", async (name, value) => {
    await expect(openTarget({ ...exported, [name]: value })).rejects.toThrow(
      new RegExp(`${name} can lead to an account on AWS.*\\n?.*unset AWS_PROFILE AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`),
    );
  });

  it("does nothing when another account answers at the endpoint", async () => {
    account = "123456789012";

    await expect(openTarget(exported)).rejects.toThrow("answers for account 123456789012");
  });
});

describe("the CDK", () => {
  it("acts on the profile and region of the options, although the environment has access keys", async () => {
    // Prepare
    account = "123456789012";
    const config = join(directory, "config");
    writeFileSync(config, "[profile sandbox]\naws_access_key_id = sandbox\naws_secret_access_key = secret\n");
    vi.stubEnv("AWS_CONFIG_FILE", config);
    vi.stubEnv("AWS_ENDPOINT_URL_STS", exported["AWS_ENDPOINT_URL"]);
    const others = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"];
    for (const name of others) vi.stubEnv(name, otherAccount[name]);

    // Act
    const { env, region, clients } = await openChosenTarget({ profile: "sandbox", region: "eu-north-1" });

    // Assess: the CDK would prefer the access keys to AWS_PROFILE.
    expect(env).toMatchObject({ AWS_PROFILE: "sandbox", AWS_REGION: "eu-north-1" });
    expect(Object.keys(env)).not.toContain("AWS_ACCESS_KEY_ID");
    expect(Object.keys(env)).not.toContain("AWS_SESSION_TOKEN");
    expect(region).toBe("eu-north-1");
    expect((await clients.sts.config.credentials()).accessKeyId).toBe("sandbox");
    vi.unstubAllEnvs();
  });

  it("does nothing when its environment leads to another account than the command's clients", async () => {
    account = "000000000000";
    const lifetime = new Lifetime();
    const target = await openTarget(exported);
    account = "123456789012";
    const cdk = new Cdk(lifetime, target, {}, "/nonexistent");

    await expect(cdk.deploy()).rejects.toThrow(/Nothing was done.*000000000000.*123456789012/);
  });
});

describe("the exports of `orchard local up`", () => {
  it("leave none of the settings that lead elsewhere, whatever the shell has set", async () => {
    const lines = exportLines(exported).join("\n");

    const { stdout } = await execa("bash", ["-c", `${lines}\nexec env -0`], {
      env: { ...otherAccount, ...deadProxies, PATH: process.env["PATH"] },
      extendEnv: false,
    });

    const found = Object.fromEntries(stdout.split("\0").map((line) => line.split(/=(.*)/s).slice(0, 2)));
    expect(found).toMatchObject({ ...exported, NO_PROXY: "127.0.0.1,localhost", no_proxy: "127.0.0.1,localhost" });
    expect(conflictingSettings.filter((name) => name in found)).toEqual([]);
    expect(lines.split("\n").at(-1)).toMatch(/^unset AWS_PROFILE AWS_IGNORE_CONFIGURED_ENDPOINT_URLS /);
  });
});

describe("an endpoint on this machine", () => {
  it.each(["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566", "https://127.9.9.9"])(
    "is %s",
    (url) => {
      expect(isOnThisMachine(url)).toBe(true);
    },
  );

  it.each(["https://sts.amazonaws.com", "http://127.0.0.1.example.org", "http://localhost.example", "nonsense", ""])(
    "is not %s",
    (url) => {
      expect(isOnThisMachine(url)).toBe(false);
    },
  );
});
