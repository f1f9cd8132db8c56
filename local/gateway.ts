import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { createProxyServer } from "http-proxy-3";
import { consolePath } from "../lambdas/contract/console-links.ts";
import type { LocalConsole } from "./console/local-console.ts";
import type { EmrService } from "./emr/emr-service.ts";
import type { LambdaRunner } from "./lambda/runner.ts";
import type { StepFunctionsService } from "./stepfunctions/step-functions-service.ts";
import type { AccountContext } from "./support/account-context.ts";
import { AwsError, errorText } from "./support/aws-error.ts";
import type { CallRecorder } from "./support/call-recorder.ts";
import type { Caller, Callers } from "./support/callers.ts";
import { sendError } from "./support/error-response.ts";
import { serviceToken, tokenHeader } from "./support/key-pair.ts";
import { requireLocalClient } from "./support/local-client.ts";
import { readBody, readJsonBody } from "./support/request-body.ts";
import { credentialScope } from "./support/signed-request.ts";
import type { SnsMailbox } from "./support/sns-mailbox.ts";

/** Another program uses the requested port. */
export class PortInUse extends Error {
  override readonly name = "PortInUse";
  readonly port: number;

  constructor(port: number) {
    super(`Port ${port} is in use by another program: stop that program, or choose another port with --port.`);
    this.port = port;
  }
}

interface Services {
  readonly context: AccountContext;
  readonly stepFunctions: StepFunctionsService;
  readonly emr: EmrService;
  readonly lambda: LambdaRunner;
  readonly mailbox: SnsMailbox;
  readonly console: LocalConsole;
  readonly callers: Callers;
  readonly calls: CallRecorder;
  /** Called after a request that may have changed MiniStack's state. S3 objects do not count: MiniStack saves them at once. */
  readonly onChange: () => void;
}

/** Longer than the pauses of any client that polls. */
const keepAliveMs = 75_000;

/** A typical vCPU quota of an account that has run instances for a while; MiniStack has no quotas. */
const vcpuQuota = 256;

/**
 * The account's endpoint on loopback: refuses requests of web pages and of other users, and routes each other request to
 * one of our services or to MiniStack.
 */
export class Gateway {
  readonly port: number;
  readonly #server: Server;
  readonly #proxy = createProxyServer({ xfwd: false });
  #services: Services | undefined;

  private constructor(port: number) {
    this.port = port;
    this.#server = createServer((request, response) => {
      this.#route(request, response).catch((error: unknown) => this.#fail(request, response, error));
    });
    // Node.js's limit of five minutes would interrupt long uploads.
    this.#server.requestTimeout = 0;
    // Node.js closes an idle connection after five seconds, just when a client that polls may use it again.
    this.#server.keepAliveTimeout = keepAliveMs;
    this.#proxy.on("error", (error, request, response) => {
      if ("writeHead" in response) {
        this.#fail(request, response as ServerResponse, new AwsError("ServiceUnavailable", errorText(error), 503));
      } else {
        response.destroy();
      }
    });
  }

  /** @throws PortInUse */
  static async listen(port: number): Promise<Gateway> {
    const gateway = new Gateway(port);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    gateway.#server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new PortInUse(port) : error);
    });
    gateway.#server.listen(port, "127.0.0.1", resolve);
    await promise;
    return gateway;
  }

  /** Starts to serve requests, which until then are answered with 503. */
  serve(services: Services): void {
    this.#services = services;
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    this.#proxy.close();
    await promise;
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
    const isConsole = pathname === consolePath || pathname.startsWith(`${consolePath}/`);
    requireLocalClient(request, this.port, { answersOwnPages: isConsole });
    const services = this.#services;
    if (services === undefined) {
      throw new AwsError("ServiceUnavailable", "The embedded account is starting.", 503);
    }
    if (pathname === "/_orchard/health") {
      sendJson(response, 200, { ok: true, pid: process.pid });
      return;
    }
    if (isConsole) {
      await services.console.handle(request, response);
      return;
    }
    const caller = services.callers.find(request);
    const [prefix, operation = ""] = String(request.headers["x-amz-target"] ?? "").split(".");
    const invocation = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(pathname);
    if (prefix === "ElasticMapReduce") {
      const input = await readJsonBody(request);
      services.calls.record(caller, "elasticmapreduce", operation, input);
      sendJson(response, 200, services.emr.handle(operation, input), "1.1");
    } else if (prefix === "AWSStepFunctions" && services.stepFunctions.serves(operation)) {
      const input = await readJsonBody(request);
      services.calls.record(caller, "states", operation, input);
      const answer = await services.stepFunctions.handle(operation, input);
      sendJson(response, 200, answer, "1.0");
    } else if (prefix === "ServiceQuotasV20190624" && operation === "GetServiceQuota") {
      const input = await readJsonBody(request);
      services.calls.record(caller, "servicequotas", operation, input);
      sendJson(response, 200, { Quota: { ...(input as object), Value: vcpuQuota } }, "1.1");
    } else if (request.method === "POST" && invocation?.[1] !== undefined) {
      await invokeFunction(services, caller, decodeURIComponent(invocation[1]), request, response);
    } else if (pathname === "/_orchard/mail") {
      sendJson(
        response,
        200,
        request.method === "POST" ? await receiveMail(services, request) : services.mailbox.list(),
      );
    } else if (request.method === "POST" && pathname === "/_orchard/throttle") {
      services.emr.throttling.add(await readJsonBody(request));
      sendJson(response, 200, {});
    } else if (pathname.startsWith("/_orchard/")) {
      throw new AwsError("NotFound", `The path ${pathname} does not exist.`, 404);
    } else {
      await this.#forward(services, caller, pathname, request, response);
    }
  }

  /** Sends a request to MiniStack. */
  async #forward(
    services: Services,
    caller: Caller,
    pathname: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    response.once("close", () => {
      if (mayChange(request, pathname)) {
        services.onChange();
      }
    });
    // The resource that a role acts on is in the body, except for S3: its bodies are large and the URL has the resource.
    const body = caller.role === null || isS3(request) ? undefined : await readBody(request);
    services.calls.recordHttp(caller, request, body ?? "");
    const buffer = body === undefined ? {} : { buffer: Readable.from([body]) };
    // A stored HTML file that a person opens by a presigned URL must not act as the console, which has the same origin.
    response.setHeader("content-security-policy", "sandbox allow-scripts allow-downloads");
    // The Host header must not change: signatures and virtual-hosted buckets depend on it.
    const { ministack: target, credentials } = services.context;
    const headers = { [tokenHeader]: serviceToken(credentials) };
    this.#proxy.web(request, response, { target, headers, ...buffer });
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const failure = error instanceof AwsError ? error : new AwsError("InternalFailure", errorText(error), 500);
    if (failure.status >= 500) {
      // Leave out the query, which has the signature of a presigned URL.
      const path = request.url?.split("?", 1)[0];
      this.#services?.context.log(`gateway: ${request.method} ${path} failed: ${errorText(error)}`);
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    sendError(request, response, failure);
  }
}

/** Only SNS delivers mails, so that nobody can forge one. @throws AwsError AccessDenied, or as SnsMailbox does */
async function receiveMail({ callers, mailbox }: Services, request: IncomingMessage): Promise<object> {
  if (!callers.isService(request)) {
    throw new AwsError("AccessDenied", "Only the account's SNS delivers mails: publish to a topic instead.", 403);
  }
  return mailbox.receive(await readBody(request));
}

/** Answers Lambda's Invoke. */
async function invokeFunction(
  services: Services,
  caller: Caller,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const event = await readBody(request);
  services.calls.record(caller, "lambda", "Invoke", { FunctionArn: services.lambda.arn(name) });
  const type = request.headers["x-amz-invocation-type"] ?? "RequestResponse";
  if (type === "Event") {
    services.lambda
      .invokeAsync(name, event)
      .catch((error: unknown) => services.context.log(`lambda: ${name}: ${errorText(error)}`));
    response.writeHead(202).end();
  } else {
    const { requestId, payload, functionError } = await services.lambda.invoke(name, event);
    response.writeHead(200, {
      "content-type": "application/json",
      "x-amzn-requestid": requestId,
      "x-amz-executed-version": "$LATEST",
      ...(functionError === undefined ? {} : { "x-amz-function-error": functionError }),
    });
    response.end(payload);
  }
}

/** @param version the version of the AWS JSON protocol; undefined for plain JSON */
function sendJson(response: ServerResponse, status: number, body: unknown, version?: string): void {
  response.writeHead(status, {
    "content-type": version === undefined ? "application/json" : `application/x-amz-json-${version}`,
    "x-amzn-requestid": randomUUID(),
  });
  response.end(JSON.stringify(body));
}

/** Whether a request may change more than S3 objects, which MiniStack saves at once. Only the paths of objects have a key. */
function mayChange(request: IncomingMessage, pathname: string): boolean {
  if (request.method === "GET" || request.method === "HEAD") {
    return false;
  }
  return !isS3(request) || !/^\/[^/]+\/./.test(pathname);
}

function isS3(request: IncomingMessage): boolean {
  return credentialScope(request).service === "s3";
}
