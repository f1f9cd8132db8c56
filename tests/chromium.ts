import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const names = ["chromium", "chromium-browser", "chromium-headless-shell", "google-chrome"];

/** The browser of the machine, which the tests in a browser use; undefined without one. */
export const chromium = (process.env["PATH"] ?? "")
  .split(delimiter)
  .flatMap((folder) => names.map((name) => join(folder, name)))
  .find((file) => existsSync(file));

export const chromiumMissing = `none of ${names.join(", ")} is on the path.`;
