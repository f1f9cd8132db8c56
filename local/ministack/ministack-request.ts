import type { AccountContext } from "../support/account-context.ts";
import { AwsError } from "../support/aws-error.ts";
import { serviceToken, tokenHeader } from "../support/key-pair.ts";

/**
 * Requests a URL that MiniStack gave out. The request goes to MiniStack's address, although its URLs say localhost.
 * @throws AwsError BadRequest for a URL of another host or port
 */
export async function requestMinistack(
  { ministack, credentials }: Pick<AccountContext, "ministack" | "credentials">,
  given: string,
): Promise<Response> {
  const url = URL.parse(given);
  const target = new URL(ministack);
  const origins = ["localhost", "127.0.0.1"].map((name) => `http://${name}:${target.port}`);
  if (url === null || !origins.includes(url.origin) || url.pathname.startsWith("//")) {
    throw new AwsError("BadRequest", `'${given.slice(0, 200)}' is not a URL of this account: ${origins[0]}/…`);
  }
  target.pathname = url.pathname;
  target.search = url.search;
  return fetch(target, { headers: { [tokenHeader]: serviceToken(credentials) }, redirect: "error" });
}
