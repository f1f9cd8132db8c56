import { EventEmitter } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { Script } from "node:vm";
import { transformSync } from "esbuild";
import type { Clock } from "./clock.ts";

export interface HttpRequest {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** What surrounds a module: time, chance, and the network. */
export interface Host {
  readonly clock: Clock;
  readonly random: () => number;
  /** Rejects when the connection breaks; never answers when the service is silent. */
  readonly http: (request: HttpRequest) => Promise<HttpResponse>;
}

type Factory = (...args: unknown[]) => void;

const parameters = "exports, require, module, process, console, setTimeout, clearTimeout, Date, Math";
const factories = new Map<string, Factory>();

/** A module as a function of its surroundings: its syntax is changed to CommonJS, its code is what was deployed. */
function factoryOf(file: string): Factory {
  let factory = factories.get(file);
  if (factory === undefined) {
    const source = readFileSync(file, "utf8");
    const { code } = transformSync(source, { format: "cjs", loader: "js", logLevel: "error" });
    factory = new Script(`(function (${parameters}) {${code}\n})`, { filename: file }).runInThisContext() as Factory;
    factories.set(file, factory);
  }
  return factory;
}

/** node:https as the SDK uses it, with a function in place of the network. */
function networkOf(host: () => Host) {
  class Request extends EventEmitter {
    readonly #options: Omit<HttpRequest, "body">;
    readonly #answer: (response: Readable) => void;

    constructor(options: Omit<HttpRequest, "body">, answer: (response: Readable) => void) {
      super();
      this.#options = options;
      this.#answer = answer;
      if (options.headers["Expect"] ?? options.headers["expect"]) queueMicrotask(() => this.emit("continue"));
    }

    end(body: string | Uint8Array = ""): void {
      host()
        .http({ ...this.#options, body: Buffer.from(body as string) })
        .then(
          ({ status, headers, body: content }) => {
            const response = Readable.from(content.length === 0 ? [] : [Buffer.from(content as string)]);
            this.#answer(Object.assign(response, { statusCode: status, statusMessage: "", headers }));
          },
          (error) => this.emit("error", error),
        );
    }

    destroy(): void {
      this.emit("close");
    }
  }
  class Agent {
    readonly sockets = {};
    readonly requests = {};
    destroy(): void {
      this.sockets;
    }
  }
  return {
    Agent,
    request: (options: ConstructorParameters<typeof Request>[0], answer: (response: Readable) => void) =>
      new Request(options, answer),
  };
}

/** Reading a file takes no time: the clock must not run away from a disk. */
const files = {
  readFile: async (path: string, encoding?: "utf8") => readFileSync(path, { encoding: encoding ?? null }),
  readdir: async (path: string, options?: { recursive: true }) => readdirSync(path, options),
};

/**
 * Evaluates a module: a fresh one at each call.
 *
 * @param host asked at every use, because a warm sandbox outlives a scenario
 */
export function load<Module>(file: string, host: () => Host, env: Readonly<Record<string, string>>): Module {
  const native = createRequire(file);
  const network = networkOf(host);
  const replaced: Readonly<Record<string, unknown>> = {
    http: network,
    https: network,
    "fs/promises": files,
    "timers/promises": { setTimeout: (ms?: number, value?: unknown) => host().clock.sleep(ms, value) },
  };
  class VirtualDate extends Date {
    constructor(...args: unknown[]) {
      if (args.length === 0) super(host().clock.now);
      else super(...(args as [number]));
    }
    static override now(): number {
      return host().clock.now;
    }
  }
  const virtualMath = Object.create(Math, { random: { value: () => host().random() } });
  const module = { exports: {} as Module };
  factoryOf(file)(
    module.exports,
    (name: string) => replaced[name.replace(/^node:/, "")] ?? native(name),
    module,
    Object.create(process, { env: { value: { ...env } } }),
    Object.create(console, { warn: { value: () => undefined } }),
    (...args: Parameters<Clock["setTimeout"]>) => host().clock.setTimeout(...args),
    (handle: unknown) => host().clock.clearTimeout(handle),
    VirtualDate,
    virtualMath,
  );
  return module.exports;
}
