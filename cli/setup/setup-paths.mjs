import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Holds everything that is generated on this machine, except for node_modules. */
export const home = join(root, ".orchard");

/** The project's own Python and Node; they exist once their setup parts are installed. */
export const python = join(home, "python", "bin", "python");
export const node = join(root, "node_modules", ".bin", "node");
