import type { KeyPair } from "./key-pair.ts";

/** Addresses, folders and credentials that the services of the account share. */
export interface AccountContext {
  /** The gateway, e.g. http://127.0.0.1:4566 */
  readonly endpoint: string;
  /** MiniStack behind the gateway; Spark sends its S3 traffic straight to it. */
  readonly ministack: string;
  /** The folder of the account's state. */
  readonly directory: string;
  /** The project's `.orchard`, with `python/`, `spark/` and `jars/`. */
  readonly tools: string;
  readonly region: string;
  readonly accountId: string;
  readonly credentials: KeyPair;
  /** Whether clusters run YARN. @default steps run by local[*] */
  readonly yarn?: boolean;
  readonly log: (line: string) => void;
}
