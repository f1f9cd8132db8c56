import { keyHeader } from "./console-data.ts";

const keyName = "orchard-console-key";
/** The address of the page, below which its data are. */
const base = location.pathname;

/** Keeps the key that the page's link has in its fragment, and takes it out of the address and the browser's history. */
export function keepKey(): void {
  const [path = "", query = ""] = location.hash.slice(1).split("?");
  const parameters = new URLSearchParams(query);
  const key = parameters.get("key");
  if (key === null) return;
  localStorage.setItem(keyName, key);
  parameters.delete("key");
  const rest = parameters.size > 0 ? `?${parameters}` : "";
  history.replaceState(null, "", `#${path}${rest}`);
}

/** The account refused a request. */
export class Refusal extends Error {
  override readonly name: string;
  readonly status: number;

  constructor(status: number, name: string, message: string) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

export interface Answer<T> {
  readonly tag: string | null;
  /** Undefined when the data have not changed since the given tag. */
  readonly data: T | undefined;
}

/** Reads data of the account. @throws Refusal; TypeError when the account is not reachable */
export async function read<T>(path: string, tag: string | null, signal: AbortSignal): Promise<Answer<T>> {
  const headers = { ...keyHeaders(), ...(tag === null ? {} : { "if-none-match": tag }) };
  const response = await fetch(`${base}/api/${path}`, { headers, cache: "no-store", signal });
  if (response.status === 304) return { tag, data: undefined };
  return { tag: response.headers.get("etag"), data: await parse<T>(response) };
}

/** Calls an operation of Step Functions. @throws Refusal; TypeError when the account is not reachable */
export async function call<T>(operation: string, input: object): Promise<T> {
  const init = { method: "POST", headers: keyHeaders(), body: JSON.stringify(input) };
  return parse<T>(await fetch(`${base}/api/${operation}`, init));
}

function keyHeaders(): Readonly<Record<string, string>> {
  return { [keyHeader]: localStorage.getItem(keyName) ?? "" };
}

async function parse<T>(response: Response): Promise<T> {
  const body: unknown = await response.json();
  if (response.ok) return body as T;
  const { __type: name = "Error", message = response.statusText } = body as {
    readonly __type?: string;
    readonly message?: string;
  };
  throw new Refusal(response.status, name, message);
}
