import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Script } from "node:vm";
import { transformSync } from "esbuild";
import type { Clock } from "./clock.ts";
import { writeAtomically } from "./shared-files.ts";

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

/** Time, randomness and the network of a sandboxed module. */
export interface Host {
  readonly clock: Clock;
  readonly random: () => number;
  /** Rejects when the connection breaks. Never settles when the service does not answer. */
  readonly http: (request: HttpRequest) => Promise<HttpResponse>;
}

type Factory = (...args: unknown[]) => void;

const parameters = "exports, require, module, process, console, setTimeout, clearTimeout, Date, Math";
const factories = new Map<string, Factory>();

/** Compiles a module to a function of the globals that the sandbox replaces. */
function factoryOf(file: string): Factory {
  let factory = factories.get(file);
  if (factory === undefined) {
    const code = commonJsOf(file);
    factory = new Script(`(function (${parameters}) {${code}\n})`, { filename: file }).runInThisContext() as Factory;
    factories.set(file, factory);
  }
  return factory;
}

/** Converts a module's imports and exports to CommonJS, once for all test files of a run. */
function commonJsOf(file: string): string {
  const source = readFileSync(file, "utf8");
  if (file.endsWith(".cjs")) return source;
  const cached = join(tmpdir(), `${createHash("sha256").update(source).digest("hex")}.cjs`);
  if (existsSync(cached)) return readFileSync(cached, "utf8");
  const { code } = transformSync(source, { format: "cjs", loader: "js", logLevel: "error" });
  writeAtomically(cached, code);
  return code;
}

/** Stands in for node:https, with the host's function in place of the network. */
function networkOf(host: () => Host) {
  class Request extends EventEmitter {
    readonly #options: Omit<HttpRequest, "body">;
    readonly #answer: (response: Readable) => void;
    #isAnswered = false;
    /** Idle until the answer arrives. If none arrives in time, this calls the listener. */
    readonly socket = {
      setTimeout: (ms: number, onTimeout: () => void) => {
        host().clock.setTimeout(() => {
          if (!this.#isAnswered) onTimeout();
        }, ms);
      },
      removeListener: () => undefined,
    };

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
            this.#isAnswered = true;
            const response = Readable.from(content.length === 0 ? [] : [Buffer.from(content as string)]);
            this.#answer(Object.assign(response, { statusCode: status, statusMessage: "", headers }));
          },
          (error) => {
            this.#isAnswered = true;
            this.emit("error", error);
          },
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

/** Reads files synchronously, because virtual time would pass while a disk answers. */
const files = {
  readFile: async (path: string, encoding?: "utf8") => readFileSync(path, { encoding: encoding ?? null }),
  readdir: async (path: string, options?: { recursive: true }) => readdirSync(path, options),
};

/**
 * Evaluates a module anew, with virtual time, seeded randomness and no network.
 *
 * @param host evaluated at every use, because a warm function outlives a scenario
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
