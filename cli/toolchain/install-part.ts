// Installs a part of the set-up that a command needs in some cases only. The others are installed before the command.
import { endChildren } from "../setup/child-processes.mjs";
import { installParts, withPrerequisites } from "../setup/install-parts.mjs";
import { SetupError } from "../setup/setup-error.mjs";
import { withSetupLock } from "../setup/setup-lock.mjs";
import type { PartName } from "../setup/setup-parts.mjs";
import { CommandFailed } from "../terminal/command-errors.ts";
import type { Lifetime } from "../terminal/lifetime.ts";

/**
 * Installs a part, unless it is up to date.
 *
 * @throws CommandFailed with the installer's last lines, such as without a network
 */
export async function installPart(lifetime: Lifetime, name: PartName): Promise<void> {
  lifetime.defer(endChildren);
  try {
    await withSetupLock(() => installParts(withPrerequisites([name])));
  } catch (error) {
    if (error instanceof SetupError) throw new CommandFailed(error.message);
    throw error;
  }
}
