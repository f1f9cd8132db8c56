import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { ListStateMachinesCommand, SFNClient } from "@aws-sdk/client-sfn";
import { consolePath } from "../../lambdas/contract/console-links.ts";
import type { Overview } from "../../pages/console/console-data.ts";
import type { EmrService } from "../emr/emr-service.ts";
import { type StepFunctionsService, summarizeExecution } from "../stepfunctions/step-functions-service.ts";
import type { AccountContext } from "../support/account-context.ts";
import { AwsError } from "../support/aws-error.ts";
import { readJsonBody } from "../support/request-body.ts";
import type { SnsMailbox } from "../support/sns-mailbox.ts";
import { reportTicket, requireConsoleKey, runOfTicket } from "./console-keys.ts";
import { consolePage } from "./console-page.ts";
import { viewExecution } from "./execution-view.ts";
import { Logs } from "./logs.ts";
import { RunFiles } from "./run-files.ts";

interface Services {
  readonly context: AccountContext;
  readonly stepFunctions: StepFunctionsService;
  readonly emr: EmrService;
  readonly mailbox: SnsMailbox;
}

/** The page lists this many executions; `orchard list` has all. */
const maxExecutions = 200;

/** The page has the rest of its policy in its head, with the hashes of its script and styles. */
const pagePolicy = "frame-ancestors 'none'";

/** Lets a report draw itself, and nothing else: it has an origin of its own and no network. */
const reportPolicy = [
  "sandbox allow-scripts allow-downloads",
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "img-src data: blob:",
  "frame-ancestors 'none'",
].join("; ");

/** The operations of Step Functions that the page may call. */
const actions = ["StartExecution", "StopExecution", "RedriveExecution"];

type Read = (parameters: URLSearchParams) => unknown;

/** The page for people below /_orchard/console, with the data that it reads and the actions that it offers. */
export class LocalConsole {
  readonly #services: Services;
  readonly #stateMachines: SFNClient;
  readonly #files: RunFiles;
  readonly #logs: Logs;
  readonly #reads: ReadonlyMap<string, Read>;

  constructor(services: Services) {
    const { context, mailbox } = services;
    const { ministack: endpoint, region, credentials } = context;
    this.#services = services;
    this.#stateMachines = new SFNClient({ endpoint, region, credentials });
    this.#files = new RunFiles(context);
    this.#logs = new Logs(context);
    this.#reads = new Map<string, Read>([
      ["overview", () => this.#overview()],
      ["execution", (parameters) => this.#execution(parameters)],
      ["events", (parameters) => this.#events(parameters)],
      ["log", (parameters) => this.#logs.read(parameters)],
      ["mails", () => mailbox.list()],
    ]);
  }

  /** Answers a request below the console's path. @throws AwsError AccessDenied, NotFound, MethodNotAllowed */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    const path = pathname.slice(consolePath.length + 1);
    const { credentials } = this.#services.context;
    const [folder, name = ""] = path.split("/");
    if (folder === "api") {
      requireConsoleKey(request, credentials);
      await this.#answer(request, response, name, searchParams);
      return;
    }
    requireMethod(request, "GET");
    if (path === "report") {
      const runOf = runOfTicket(credentials, searchParams, new Date());
      const report = await this.#files.readReport(this.#services.stepFunctions.record(runOf));
      send(response, { type: "text/html; charset=utf-8", body: report, policy: reportPolicy });
      return;
    }
    if (path !== "") throw new AwsError("NotFound", `The console has no page ${pathname}.`, 404);
    send(response, { type: "text/html; charset=utf-8", body: await consolePage(), policy: pagePolicy });
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    parameters: URLSearchParams,
  ): Promise<void> {
    const read = this.#reads.get(name);
    if (read) {
      requireMethod(request, "GET");
      sendCached(request, response, JSON.stringify(await read(parameters)));
    } else if (actions.includes(name)) {
      requireMethod(request, "POST");
      const answer = await this.#services.stepFunctions.handle(name, await readJsonBody(request));
      send(response, { type: "application/json", body: JSON.stringify(answer) });
    } else {
      throw new AwsError("NotFound", `The console has no data named '${name}'.`, 404);
    }
  }

  async #overview(): Promise<Overview> {
    const { context, stepFunctions } = this.#services;
    const { endpoint, region, accountId } = context;
    const { stateMachines = [] } = await this.#stateMachines.send(new ListStateMachinesCommand({}));
    const records = stepFunctions.records();
    return {
      account: { endpoint, region, accountId },
      stateMachines: stateMachines.map(({ name = "", stateMachineArn: arn = "" }) => ({ name, arn })),
      executions: records.slice(0, maxExecutions).map(summarizeExecution),
      isCut: records.length > maxExecutions,
    };
  }

  #execution(parameters: URLSearchParams) {
    const { emr, stepFunctions, context } = this.#services;
    const reportPath = (arn: string) => `${consolePath}/report?${reportTicket(context.credentials, arn, new Date())}`;
    const execution = stepFunctions.record(parameters.get("arn") ?? "");
    return viewExecution(execution, { emr, files: this.#files, reportPath });
  }

  /** The events from one id to another, with their inputs and outputs. */
  #events(parameters: URLSearchParams) {
    const [from, to] = ["from", "to"].map((name) => Number(parameters.get(name)));
    const { events } = this.#services.stepFunctions.record(parameters.get("arn") ?? "");
    return events.slice(Math.max(0, (from ?? 1) - 1), to);
  }
}

/** @throws AwsError MethodNotAllowed */
function requireMethod({ method }: IncomingMessage, allowed: "GET" | "POST"): void {
  if (method !== allowed) throw new AwsError("MethodNotAllowed", `Use ${allowed} instead of ${method}.`, 405);
}

/** Sends JSON, or 304 when the page has it already. */
function sendCached(request: IncomingMessage, response: ServerResponse, body: string): void {
  const tag = `"${createHash("sha256").update(body).digest("base64url")}"`;
  response.setHeader("etag", tag);
  if (request.headers["if-none-match"] === tag) response.writeHead(304).end();
  else send(response, { type: "application/json", body });
}

interface Content {
  readonly type: string;
  readonly body: string;
  /** The Content-Security-Policy. @default nothing is loaded */
  readonly policy?: string;
}

function send(
  response: ServerResponse,
  { type, body, policy = "default-src 'none'; frame-ancestors 'none'" }: Content,
): void {
  response.writeHead(200, {
    "content-type": type,
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
  });
  response.end(body);
}
