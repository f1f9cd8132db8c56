import type { IncomingMessage } from "node:http";
import { AwsError } from "./aws-error.ts";

/**
 * Refuses the requests that a browser sends for a page of another site, and those whose host name was rebound to
 * loopback: https://en.wikipedia.org/wiki/DNS_rebinding. No AWS client sends such headers.
 * @param answersOwnPages whether the account's own page, the console, may send the request
 * @throws AwsError AccessDenied
 */
export function requireLocalClient(
  { headers }: Pick<IncomingMessage, "headers">,
  port: number,
  { answersOwnPages }: { readonly answersOwnPages: boolean },
): void {
  const { origin, host, "sec-fetch-site": site } = headers;
  const isForeign = origin !== undefined && !(answersOwnPages && origin === `http://${host}`);
  if (isForeign || site === "cross-site" || site === "same-site") {
    throw new AwsError("AccessDenied", "The embedded account does not answer web pages.", 403);
  }
  const names = ["127.0.0.1", "localhost", "[::1]"];
  if (!names.some((name) => host?.toLowerCase() === `${name}:${port}` || (port === 80 && host === name))) {
    throw new AwsError(
      "AccessDenied",
      `The embedded account answers to ${names.map((name) => `${name}:${port}`).join(", ")} only. Use path-style addressing for buckets.`,
      403,
    );
  }
}
