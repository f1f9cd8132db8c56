// The embedded account as a process of its own. It lives as long as the command that started it: when the channel to
// that command closes, however that comes, it stops itself. `{"release": true}` lets it live on (--keep).
import { startAccount } from "../../local/account.ts";

/** What the process tells its starter, once. */
export type AccountMessage =
  | { readonly endpoint: string; readonly env: Readonly<Record<string, string>> }
  | { readonly error: { readonly name: string; readonly message: string } };

function tell(message: AccountMessage): void {
  process.send?.(message);
}

async function main(port: number, directory: string): Promise<void> {
  let stop = async (): Promise<void> => process.exit(0);
  let released = false;
  let stopping = false;
  const stopOnce = (): void => {
    if (stopping) return;
    stopping = true;
    void stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stopOnce);
  process.on("SIGINT", stopOnce);
  process.on("disconnect", () => {
    if (!released) stopOnce();
  });
  process.on("message", () => {
    released = true;
    process.disconnect?.();
  });
  try {
    const account = await startAccount({ port, directory, log: (line) => console.error(line) });
    stop = () => account.stop();
    if (stopping) await account.stop();
    else tell({ endpoint: account.endpoint, env: account.env });
  } catch (error) {
    console.error(error);
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    process.send?.({ error: { name, message } } satisfies AccountMessage, () => process.exit(1));
  }
}

const [port = "", directory = ""] = process.argv.slice(2);
await main(Number(port), directory);
