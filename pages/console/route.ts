import { useEffect, useState } from "preact/hooks";
import { keepKey } from "./account-client.ts";

/** Names the page that the address asks for. */
export type Route =
  | { readonly page: "executions" }
  | { readonly page: "execution"; readonly arn: string }
  | { readonly page: "start"; readonly input: string | undefined }
  | { readonly page: "mails" };

export function executionHref(arn: string): string {
  return `#/executions/${encodeURI(arn)}`;
}

/** @param input the execution input as JSON with which the form begins */
export function startHref(input?: string): string {
  return input === undefined ? "#/start" : `#/start?${new URLSearchParams({ input })}`;
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?");
  const [, page, ...rest] = path.split("/");
  if (page === "mails") return { page };
  if (page === "start") return { page, input: new URLSearchParams(query).get("input") ?? undefined };
  if (page === "executions" && rest.length > 0) return { page: "execution", arn: decodeURI(rest.join("/")) };
  return { page: "executions" };
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const follow = () => {
      // A link with another key may be opened in the same tab.
      keepKey();
      setRoute(parseRoute(location.hash));
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}
