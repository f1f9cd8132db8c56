import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { childEnvironment, commandEnvironment } from "../../../cli/setup/child-environment.mjs";
import { run } from "../../../cli/setup/child-processes.mjs";
import { npmEnvironment, uvSettings } from "../../../cli/setup/download-settings.mjs";
import { Lifetime } from "../../../cli/terminal/lifetime.ts";
import { runTool } from "../../../cli/toolchain/run-tool.ts";
import { deadProxies, hostileVariables, otherAccount } from "./hostile-environment.ts";

const wanted = {
  PATH: "/usr/bin",
  HOME: "/home/you",
  TMPDIR: "/tmp",
  TERM: "xterm",
  NO_COLOR: "1",
  ORCHARD_HOME: "/o",
};
const everything = { ...wanted, ...hostileVariables, ...otherAccount, ...deadProxies, PIP_USER: "1" };
const own = {
  LANG: expect.stringMatching(/UTF-8$/),
  NODE_COMPILE_CACHE: expect.stringMatching(/\.orchard.compile-cache$/),
};

describe("the environment of a child process", () => {
  it("of a tool has the variables of the list, a UTF-8 locale and the cache of compiled modules, and nothing else", () => {
    expect(childEnvironment("tool", everything)).toEqual({ ...wanted, ...own });
  });

  it("leaves out a TMPDIR that is no folder", () => {
    expect(childEnvironment("tool", { ...wanted, TMPDIR: "/nonexistent" })).not.toHaveProperty("TMPDIR");
  });

  it.each([
    ["linux", "C.UTF-8"],
    ["darwin", "en_US.UTF-8"],
  ])("on %s has a locale that is there", (platform, locale) => {
    const before = process.platform;
    Object.defineProperty(process, "platform", { value: platform });

    expect(childEnvironment("tool", { LC_ALL: "POSIX" })).toMatchObject({ LANG: locale });

    Object.defineProperty(process, "platform", { value: before });
  });

  it.each(["tool", "download", "account"] as const)("for %s has none of the variables that break it", (purpose) => {
    expect(Object.keys(childEnvironment(purpose, everything))).not.toEqual(
      expect.arrayContaining([expect.toSatisfy((name) => String(name) in hostileVariables)]),
    );
  });

  it.each([
    ["tool", /^(SPARK|PYSPARK|PYTHON|PIP|UV|JAVA|JDK|_JAVA|NODE(?!_COMPILE_CACHE)|AWS|CDK|LD|LC)_/],
    ["download", /^(SPARK|PYSPARK|PYTHON|JAVA|JDK|_JAVA|NODE_OPTIONS|NODE_USE|AWS|CDK|LD|LC)_/],
  ] as const)("for %s has no variable of a family that nobody has listed", (purpose, family) => {
    const name = fc.tuple(
      fc.constantFrom("SPARK_", "PYSPARK_", "PYTHON", "JAVA_", "JDK_", "_JAVA_", "AWS_", "CDK_", "LD_", "LC_"),
      fc.stringMatching(/^[A-Z][A-Z_]{0,12}$/),
    );
    fc.assert(
      fc.property(name, ([prefix, rest]) => {
        const environment = childEnvironment(purpose, { [prefix + rest]: "1" });
        expect(Object.keys(environment).filter((found) => family.test(found) && !/^(PIP|UV)_/.test(found))).toEqual([]);
      }),
    );
  });

  it("for a download keeps index, proxies and certificates, and installs into the project's own folder", () => {
    const company = {
      PIP_INDEX_URL: "https://mirror.example/simple",
      UV_DEFAULT_INDEX: "https://mirror.example/simple",
      UV_INDEX_MIRROR_PASSWORD: "secret",
      npm_config_registry: "https://mirror.example/npm/",
      "npm_config_//mirror.example/npm/:_authToken": "secret",
      HTTPS_PROXY: "http://proxy.example:3128",
      https_proxy: "http://proxy.example:3128",
      NODE_EXTRA_CA_CERTS: "/etc/company.pem",
      SSL_CERT_FILE: "/etc/company.pem",
    };

    const environment = childEnvironment("download", { ...everything, ...company, NO_PROXY: "mirror.example" });

    expect(environment).toMatchObject(company);
    expect(environment).toMatchObject({ PIP_USER: "0", PIP_REQUIRE_VIRTUALENV: "0" });
    for (const name of ["NO_PROXY", "no_proxy"]) {
      expect(environment[name]).toBe("mirror.example,127.0.0.1,localhost,::1");
    }
  });

  it("for an account on AWS keeps the person's AWS settings", () => {
    expect(childEnvironment("account", everything)).toMatchObject(otherAccount);
  });

  it("takes further names from ORCHARD_INHERIT, except for tools that need no network", () => {
    const source = {
      ORCHARD_INHERIT: "VAULT_ADDR, VAULT_TOKEN",
      VAULT_ADDR: "https://vault",
      VAULT_TOKEN: "t",
      OTHER: "",
    };

    expect(childEnvironment("account", source)).toMatchObject({ VAULT_ADDR: "https://vault", VAULT_TOKEN: "t" });
    expect(childEnvironment("account", source)).not.toHaveProperty("OTHER");
    expect(childEnvironment("tool", source)).not.toHaveProperty("VAULT_ADDR");
  });

  it.each(["start", "local"])("of `%s` has neither AWS settings nor proxies", (command) => {
    expect(commandEnvironment(command, everything)).toEqual({ ...wanted, ...own });
  });

  it("of npm has the variables that .npmrc names", () => {
    const home = mkdtempSync(join(tmpdir(), "orchard-npmrc-"));
    // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own syntax
    writeFileSync(join(home, ".npmrc"), "//mirror.example/:_authToken=${COMPANY_TOKEN}\n");

    const environment = npmEnvironment({ HOME: home, COMPANY_TOKEN: "secret", OTHER_TOKEN: "secret" });

    expect(environment).toMatchObject({ COMPANY_TOKEN: "secret" });
    expect(environment).not.toHaveProperty("OTHER_TOKEN");
    rmSync(home, { recursive: true });
  });
});

describe("what a process prints as its environment", () => {
  const print = "process.stdout.write(JSON.stringify(process.env))";
  const hostile = { ...hostileVariables, ...otherAccount, ...deadProxies };
  /** Runs `work` while this process has the variables. NODE_OPTIONS and the loader's only affect processes that start. */
  const withHostile = async (work: () => Promise<string>): Promise<string> => {
    const before = { ...process.env };
    Object.assign(process.env, hostile);
    try {
      return await work();
    } finally {
      for (const name of Object.keys(hostile)) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  };

  it("has nothing hostile when a command starts it", async () => {
    const printed = await withHostile(
      async () => (await runTool(new Lifetime(), process.execPath, ["-e", print])).output,
    );

    expect(Object.keys(JSON.parse(printed)).filter((name) => name in hostile)).toEqual([]);
  });

  it("has nothing but the proxies when the set-up starts it", async () => {
    const printed = await withHostile(() => run(process.execPath, ["-e", print], { hint: "" }));

    const found = Object.keys(JSON.parse(printed)).filter((name) => name in hostile);
    expect(found.sort()).toEqual(Object.keys(deadProxies).sort());
  });
});

describe("pip's settings for uv", () => {
  it("name the index, more indexes, trusted hosts and the certificate", () => {
    const listed = [
      ":env:.find-links='/opt/wheels'",
      "global.cert='/etc/company.pem'",
      "global.index-url='https://mirror.example/simple'",
      "global.extra-index-url='\\nhttps://one.example/simple\\nhttps://two.example/simple'",
      "install.trusted-host='mirror.example'",
      "install.user='true'",
    ].join("\n");

    expect(uvSettings(listed, {})).toEqual({
      SSL_CERT_FILE: "/etc/company.pem",
      UV_DEFAULT_INDEX: "https://mirror.example/simple",
      UV_INDEX: "https://one.example/simple https://two.example/simple",
      UV_INSECURE_HOST: "mirror.example",
    });
  });

  it("do not replace settings of uv itself", () => {
    const listed = "global.index-url='https://pip.example/simple'";

    expect(uvSettings(listed, { UV_DEFAULT_INDEX: "https://uv.example/simple" })).toEqual({});
    expect(uvSettings(listed, { UV_CONFIG_FILE: "/etc/uv.toml" })).toEqual({});
  });
});
