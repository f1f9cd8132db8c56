/** Runs the embedded account in the foreground: node local/main.ts [port] [directory] */
import { startAccount } from "./account.ts";

const [port, directory] = process.argv.slice(2);
const account = await startAccount({
  ...(port === undefined ? {} : { port: Number(port) }),
  ...(directory === undefined ? {} : { directory }),
  log: (line) => console.error(line),
});
async function stop(): Promise<void> {
  await account.stop();
  process.exit(0);
}
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
console.log(JSON.stringify({ pid: process.pid, endpoint: account.endpoint }));
