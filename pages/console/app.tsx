import { useEffect, useRef } from "preact/hooks";
import { themeButton } from "../shared/theme.ts";
import type { Overview } from "./console-data.ts";
import { ExecutionList } from "./execution-list.tsx";
import { ExecutionPage } from "./execution-page.tsx";
import { MailsPage } from "./mails-page.tsx";
import { type Route, useRoute } from "./route.ts";
import { StartPage } from "./start-page.tsx";
import { useConnection, useResource } from "./use-resource.ts";

export function App() {
  const route = useRoute();
  const connection = useConnection();
  const { data: overview } = useResource<Overview>("overview");
  if (connection === "refused") return <Locked />;
  return (
    <>
      <Header route={route} overview={overview} />
      <p class="connection" role="status">
        {connection === "lost" ? "The account is not reachable. Trying again…" : ""}
      </p>
      <div class={`columns on-${route.page}`}>
        <aside aria-label="Executions">
          <ExecutionList overview={overview} selected={selectedIn(route, overview)} />
        </aside>
        <main id="main">
          <Page route={route} overview={overview} />
        </main>
      </div>
    </>
  );
}

/** The execution to show; without a choice, the newest. */
function selectedIn(route: Route, overview: Overview | undefined): string | undefined {
  if (route.page === "execution") return route.arn;
  return route.page === "executions" ? overview?.executions[0]?.executionArn : undefined;
}

function Page({ route, overview }: { readonly route: Route; readonly overview: Overview | undefined }) {
  if (route.page === "mails") return <MailsPage />;
  if (route.page === "start") return <StartPage key={route.input} overview={overview} given={route.input} />;
  const arn = selectedIn(route, overview);
  if (arn !== undefined) return <ExecutionPage key={arn} arn={arn} />;
  return overview ? <Empty overview={overview} /> : null;
}

function Empty({ overview }: { readonly overview: Overview }) {
  const hasStateMachine = overview.stateMachines.length > 0;
  return (
    <div class="empty">
      <h1>No executions yet</h1>
      <p class="soft">
        {hasStateMachine
          ? "Start one here, or with orchard run --local in a terminal. It appears at once."
          : "No state machine is deployed to this account. Deploy it: orchard local up"}
      </p>
    </div>
  );
}

function Header({ route, overview }: { readonly route: Route; readonly overview: Overview | undefined }) {
  const theme = useRef<HTMLSpanElement>(null);
  useEffect(() => theme.current?.replaceChildren(themeButton()), []);
  return (
    <header>
      <a class="brand" href="#/">
        Orchard <span class="soft">local console</span>
      </a>
      <nav aria-label="Pages">
        <a href="#/" aria-current={route.page === "mails" ? undefined : "page"}>
          Executions
        </a>
        <a href="#/mails" aria-current={route.page === "mails" ? "page" : undefined}>
          Mails
        </a>
      </nav>
      <span class="account soft small">
        {overview && `Account ${overview.account.accountId} · ${overview.account.region}`}
      </span>
      <span ref={theme} />
    </header>
  );
}

function Locked() {
  return (
    <main class="locked">
      <h1>This console needs its key</h1>
      <p>
        Open the link that <code>orchard local status</code> prints. It has the key of the account that runs now; this
        browser has none, or that of another account.
      </p>
    </main>
  );
}
