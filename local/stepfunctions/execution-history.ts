import { epochSeconds, isObject, type JsonObject, page } from "../support/aws-error.ts";
import type { Execution, HistoryEvent } from "./execution-record.ts";

export interface HistoryRequest {
  readonly executionArn: string;
  readonly maxResults?: number;
  readonly reverseOrder?: boolean;
  readonly nextToken?: string;
  readonly includeExecutionData?: boolean;
}

type TaskEvent = "Scheduled" | "Started" | "Submitted" | "SubmitFailed" | "Succeeded" | "Failed" | "TimedOut";

/** The members of event details that includeExecutionData=false leaves out. */
const dataMembers = ["input", "output", "parameters"];

/** Appends an event to an execution's history. */
export function addEvent(execution: Execution, type: string, details: JsonObject): void {
  const id = execution.events.length + 1;
  // As on AWS, the event of the first state has no previous event.
  const previousEventId = id <= 2 ? 0 : id - 1;
  execution.events.push({ timestamp: epochSeconds(), type, id, previousEventId, ...details });
}

/** Appends an event of a Task. API reference, HistoryEvent: a Task whose resource is a function has its own types. */
export function addTaskEvent(execution: Execution, resource: string, kind: TaskEvent, details: JsonObject): void {
  if (!isFunctionArn(resource)) {
    addEvent(execution, `Task${kind}`, { [`task${kind}EventDetails`]: { ...splitResource(resource), ...details } });
  } else if (kind === "Started") {
    addEvent(execution, "LambdaFunctionStarted", {});
  } else {
    addEvent(execution, `LambdaFunction${kind}`, { [`lambdaFunction${kind}EventDetails`]: details });
  }
}

export function isFunctionArn(resource: string): boolean {
  return resource.startsWith("arn:aws:lambda:");
}

/** Returns the name and the input of the state that an event enters; undefined for any other event. */
export function enteredState(event: HistoryEvent): { readonly name: string; readonly input: string } | undefined {
  const details = event["stateEnteredEventDetails"];
  return isObject(details) ? { name: String(details["name"]), input: String(details["input"]) } : undefined;
}

/** Answers GetExecutionHistory. */
export function historyPage({ events }: Execution, request: HistoryRequest): object {
  const ordered = request.reverseOrder === true ? events.toReversed() : events;
  const { items, next } = page(ordered, request.nextToken, request.maxResults || 100);
  const shown = request.includeExecutionData === false ? items.map(withoutData) : items;
  return { events: shown, ...(next === undefined ? {} : { nextToken: next }) };
}

/** Splits arn:aws:states:::aws-sdk:emr:putManagedScalingPolicy into the type aws-sdk:emr and the resource after it. */
function splitResource(arn: string): { readonly resourceType: string; readonly resource: string } {
  const integration = arn.replace(/^arn:aws:states:::/, "");
  const colon = integration.lastIndexOf(":");
  return { resourceType: integration.slice(0, colon), resource: integration.slice(colon + 1) };
}

/** Returns the event without the inputs and outputs in its details. */
export function withoutData({ timestamp, type, id, previousEventId, ...details }: HistoryEvent): HistoryEvent {
  const members = Object.entries(details).map(([key, value]) => [
    key,
    isObject(value) ? withoutDataMembers(value) : value,
  ]);
  return { timestamp, type, id, previousEventId, ...Object.fromEntries(members) };
}

function withoutDataMembers(details: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(details).filter(([name]) => !dataMembers.includes(name)));
}
