import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { AwsError, isObject, type JsonObject } from "./aws-error.ts";

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
      throw new Error(
        `botocore's model of ${service} is missing below ${tools}/python: set up the Python environment first.`,
      );
    }
    this.#model = JSON.parse(gunzipSync(readFileSync(join(tools, file))).toString("utf8"));
  }

  /** @throws AwsError ValidationException that lists every violation, as AWS does; UnknownOperationException */
  check(operation: string, input: unknown): void {
    const shape = this.#model.operations[operation]?.input?.shape;
    if (this.#model.operations[operation] === undefined) {
      throw new AwsError("UnknownOperationException", `The API has no operation ${operation}.`);
    }
    if (shape === undefined) {
      return;
    }
    const violations = [...this.#violations(shape, input, "")];
    if (violations.length > 0) {
      const noun = violations.length === 1 ? "error" : "errors";
      throw new AwsError(
        "ValidationException",
        `${violations.length} validation ${noun} detected: ${violations.join("; ")}`,
      );
    }
  }

  *#violations(shapeName: string, value: unknown, path: string): Generator<string> {
    const shape = this.#model.shapes[shapeName];
    if (shape === undefined || value === undefined || value === null) {
      return;
    }
    const typeName = wrongType(shape.type, value);
    if (typeName !== undefined) {
      yield violation(value, path, `Member must be ${typeName}`);
    } else if (Array.isArray(value)) {
      yield* rangeViolations(shape, value.length, "length", value, path);
      for (const [index, item] of value.entries()) {
        yield* this.#violations(shape.member?.shape ?? "", item, `${path}.${index + 1}.member`);
      }
    } else if (isObject(value) && shape.type === "structure") {
      yield* this.#memberViolations(shape, value, path);
    } else if (isObject(value)) {
      for (const [key, item] of Object.entries(value)) {
        yield* this.#violations(shape.key?.shape ?? "", key, `${path}.${key}`);
        yield* this.#violations(shape.value?.shape ?? "", item, `${path}.${key}`);
      }
    } else if (typeof value === "string") {
      yield* stringViolations(shape, value, path);
    } else if (integerTypes.includes(shape.type)) {
      yield* rangeViolations(shape, Number(value), "value", value, path);
    }
  }

  *#memberViolations(shape: Shape, value: JsonObject, path: string): Generator<string> {
    const members = shape.members ?? {};
    for (const name of shape.required ?? []) {
      if (value[name] === undefined || value[name] === null) {
        yield `Value null at '${memberPath(path, name)}' failed to satisfy constraint: Member must not be null`;
      }
    }
    for (const [name, item] of Object.entries(value)) {
      const member = members[name];
      if (member === undefined) {
        yield `Unknown member '${name}' in ${place(path)}, must be one of: ${Object.keys(members).join(", ")}`;
      } else {
        yield* this.#violations(member.shape, item, memberPath(path, name));
      }
    }
  }
}

const integerTypes = ["integer", "long"];

/** Returns the type that a value should have, with its article, or undefined when the value has it. */
function wrongType(type: string, value: unknown): string | undefined {
  switch (type) {
    case "structure":
      return isObject(value) ? undefined : "an object";
    case "map":
      return isObject(value) ? undefined : "a map";
    case "list":
      return Array.isArray(value) ? undefined : "a list";
    case "string":
      return typeof value === "string" ? undefined : "a string";
    case "integer":
    case "long":
      return Number.isInteger(value) ? undefined : "an integer";
    case "double":
    case "float":
    case "timestamp":
      return typeof value === "number" ? undefined : "a number";
    case "boolean":
      return typeof value === "boolean" ? undefined : "a boolean";
    default:
      return undefined;
  }
}

function* stringViolations(shape: Shape, value: string, path: string): Generator<string> {
  yield* rangeViolations(shape, value.length, "length", value, path);
  if (shape.pattern !== undefined && !compilePattern(shape.pattern).test(value)) {
    yield violation(value, path, `Member must satisfy regular expression pattern: ${shape.pattern}`);
  }
  if (shape.enum !== undefined && !shape.enum.includes(value)) {
    yield violation(value, path, `Member must satisfy enum value set: [${shape.enum.join(", ")}]`);
  }
}

function* rangeViolations(
  { min = -Infinity, max = Infinity }: Shape,
  size: number,
  measure: "length" | "value",
  value: unknown,
  path: string,
): Generator<string> {
  if (size < min) {
    yield violation(value, path, `Member must have ${measure} greater than or equal to ${min}`);
  }
  if (size > max) {
    yield violation(value, path, `Member must have ${measure} less than or equal to ${max}`);
  }
}

function violation(value: unknown, path: string, constraint: string): string {
  return `Value '${JSON.stringify(value)}' at ${place(path)} failed to satisfy constraint: ${constraint}`;
}

function place(path: string): string {
  return path === "" ? "the request" : `'${path}'`;
}

function memberPath(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** Compiles a Java pattern. Some are valid here only in Unicode mode (surrogate pairs), others only outside it. */
function compilePattern(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`, "su");
  } catch {
    return new RegExp(`^(?:${pattern})$`, "s");
  }
}
