import { release } from "node:os";
import open from "open";
import { messageOf } from "./command-errors.ts";

/** Whether this machine can show a page: a desktop on Linux has a display, and WSL uses the browser of Windows. */
export function hasBrowser({ DISPLAY, WAYLAND_DISPLAY, BROWSER }: NodeJS.ProcessEnv): boolean {
  return process.platform !== "linux" || Boolean(DISPLAY || WAYLAND_DISPLAY || BROWSER) || /microsoft/i.test(release());
}

/**
 * Opens an HTML file in the default browser.
 *
 * @returns a message to the person, who can open the file elsewhere if there is no browser
 */
export async function openPage(path: string): Promise<string> {
  if (!hasBrowser(process.env)) return `There is no display here. Open it in a browser: ${path}`;
  try {
    await open(path);
    return `Opening in the browser: ${path}`;
  } catch (error) {
    return `The browser could not be started (${messageOf(error)}). Open it yourself: ${path}`;
  }
}
