import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { childEnvironment } from "../setup/child-environment.mjs";
import type { Lifetime } from "../terminal/lifetime.ts";
import { sparkEnvironment } from "./local-spark.ts";
import { fetchFrom, serve } from "./serve-tool.ts";

/** The server mostly starts: the optimizing compiler would take as much CPU time as all the rest. */
const javaOptions = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

/**
 * Runs Spark's history server on the event logs of a folder, on 127.0.0.1, until the command ends.
 *
 * @param count number of event logs in the folder; the server is ready when it lists as many applications
 * @returns its address, once it is ready; `closed` settles when the server ends
 * @throws CommandFailed with the server's output when it does not start
 */
export async function serveHistory(
  lifetime: Lifetime,
  { folder, count, port }: { readonly folder: string; readonly count: number; readonly port: number },
): Promise<{ readonly url: string; readonly closed: Promise<unknown> }> {
  const environment = await sparkEnvironment(lifetime);
  const settings = `${folder}.conf`;
  // Pass the settings in a file, because Spark splits the options of SPARK_HISTORY_OPTS at spaces.
  await writeFile(
    settings,
    `spark.history.fs.logDirectory ${pathToFileURL(folder).href}\nspark.history.ui.port ${port}\n`,
  );
  const url = `http://127.0.0.1:${port}`;
  const { ended } = await serve(
    lifetime,
    "Spark's history server",
    join(environment.SPARK_HOME, "bin", "spark-class"),
    ["org.apache.spark.deploy.history.HistoryServer", "--properties-file", settings],
    {
      env: { ...childEnvironment("tool"), ...environment, SPARK_DAEMON_JAVA_OPTS: javaOptions },
      isReady: async () => (await countApplications(url)) >= count,
    },
  );
  return { url, closed: ended };
}

/** Number of applications that the server lists; 0 while it does not answer yet. */
async function countApplications(url: string): Promise<number> {
  const answer = await fetchFrom(`${url}/api/v1/applications`);
  if (!answer?.ok) return 0;
  const applications: unknown = await answer.json();
  return Array.isArray(applications) ? applications.length : 0;
}
