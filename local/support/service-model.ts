import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { AwsError, isObject } from "./aws-error.ts";

interface Shape {
  readonly type: string;
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly member?: { readonly shape: string };
  readonly key?: { readonly shape: string };
  readonly value?: { readonly shape: string };
  readonly required?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
}

interface Model {
  readonly operations: Readonly<Record<string, { readonly input?: { readonly shape: string } }>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

/** Checks requests against botocore's model of a service: members, types, required, min and max, pattern, enum. */
export class ServiceModel {
  readonly #model: Model;

  /**
   * @param tools the folder that has `python/`
   * @param service botocore's name of the service, e.g. "emr"
   */
  constructor(tools: string, service: string) {
    const pattern = `python/lib/python3*/site-packages/botocore/data/${service}/*/service-2.json.gz`;
    const file = globSync(pattern, { cwd: tools })[0];
    if (file === undefined) {
      throw new Error(`No model of ${service} below ${tools}/python: set the Python environment up first.`);
    }
    this.#model = JSON.parse(gunzipSync(readFileSync(join(tools, file))).toString("utf8"));
  }

  /** Throws ValidationException naming every violation, as AWS does. */
  check(operation: string, input: unknown): void {
    const shape = this.#model.operations[operation]?.input?.shape;
    if (this.#model.operations[operation] === undefined) {
      throw new AwsError("UnknownOperationException", `There is no operation ${operation}.`);
    }
    if (shape === undefined) {
      return;
    }
    const errors = [...this.#errors(shape, input, "")];
    if (errors.length > 0) {
      const noun = errors.length === 1 ? "error" : "errors";
      throw new AwsError("ValidationException", `${errors.length} validation ${noun} detected: ${errors.join("; ")}`);
    }
  }

  *#errors(shapeName: string, value: unknown, path: string): Generator<string> {
    const shape = this.#model.shapes[shapeName];
    if (shape === undefined || value === undefined || value === null) {
      return;
    }
    const at = path === "" ? "the request" : `'${path}'`;
    const wrong = (allowed: string) =>
      `Value '${JSON.stringify(value)}' at ${at} failed to satisfy constraint: ${allowed}`;
    switch (shape.type) {
      case "structure": {
        if (!isObject(value)) {
          yield wrong("Member must be an object");
          return;
        }
        const members = shape.members ?? {};
        for (const name of shape.required ?? []) {
          if (value[name] === undefined || value[name] === null) {
            yield `Value null at '${memberPath(path, name)}' failed to satisfy constraint: Member must not be null`;
          }
        }
        for (const [name, inner] of Object.entries(value)) {
          const member = members[name];
          if (member === undefined) {
            yield `Unknown member '${name}' in ${at}, must be one of: ${Object.keys(members).join(", ")}`;
          } else {
            yield* this.#errors(member.shape, inner, memberPath(path, name));
          }
        }
        return;
      }
      case "list": {
        if (!Array.isArray(value)) {
          yield wrong("Member must be a list");
          return;
        }
        yield* range(shape, value.length, (text) => wrong(`Member must have length ${text}`));
        for (const [index, inner] of value.entries()) {
          yield* this.#errors(shape.member?.shape ?? "", inner, `${path}.${index + 1}.member`);
        }
        return;
      }
      case "map": {
        if (!isObject(value)) {
          yield wrong("Member must be a map");
          return;
        }
        for (const [key, inner] of Object.entries(value)) {
          yield* this.#errors(shape.key?.shape ?? "", key, `${path}.${key}`);
          yield* this.#errors(shape.value?.shape ?? "", inner, `${path}.${key}`);
        }
        return;
      }
      case "string": {
        if (typeof value !== "string") {
          yield wrong("Member must be a string");
          return;
        }
        yield* range(shape, value.length, (text) => wrong(`Member must have length ${text}`));
        if (shape.pattern !== undefined && !compile(shape.pattern).test(value)) {
          yield wrong(`Member must satisfy regular expression pattern: ${shape.pattern}`);
        }
        if (shape.enum !== undefined && !shape.enum.includes(value)) {
          yield wrong(`Member must satisfy enum value set: [${shape.enum.join(", ")}]`);
        }
        return;
      }
      case "integer":
      case "long":
        if (!Number.isInteger(value)) {
          yield wrong("Member must be an integer");
          return;
        }
        yield* range(shape, Number(value), (text) => wrong(`Member must have value ${text}`));
        return;
      case "double":
      case "float":
      case "timestamp":
        if (typeof value !== "number") {
          yield wrong("Member must be a number");
        }
        return;
      case "boolean":
        if (typeof value !== "boolean") {
          yield wrong("Member must be a boolean");
        }
        return;
      default:
        return;
    }
  }
}

function* range(shape: Shape, size: number, message: (text: string) => string): Generator<string> {
  if (shape.min !== undefined && size < shape.min) {
    yield message(`greater than or equal to ${shape.min}`);
  }
  if (shape.max !== undefined && size > shape.max) {
    yield message(`less than or equal to ${shape.max}`);
  }
}

function memberPath(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** The models write Java's expressions: some are legal here only in Unicode mode (surrogate pairs), some only outside it. */
function compile(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`, "su");
  } catch {
    return new RegExp(`^(?:${pattern})$`, "s");
  }
}
