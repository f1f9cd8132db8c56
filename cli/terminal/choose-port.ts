import getPort from "get-port";
import { UsageError } from "./command-errors.ts";

const host = "127.0.0.1";

/**
 * Chooses a free port on this machine.
 *
 * @param wanted the port that the person has given, if any
 * @param usual the port to prefer otherwise; any if it is in use
 * @throws UsageError when the wanted port is in use
 */
export async function choosePort(wanted: number | undefined, usual?: number): Promise<number> {
  const preferred = wanted ?? usual;
  const port = await getPort({ host, ...(preferred === undefined ? {} : { port: preferred }) });
  if (wanted !== undefined && port !== wanted)
    throw new UsageError(`Port ${wanted} is in use by another program. Choose a free one with --port.`);
  return port;
}
