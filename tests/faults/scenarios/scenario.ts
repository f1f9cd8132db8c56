import type { Simulation } from "../account/simulation.ts";
import type { Fault } from "./failures.ts";

/** Ends an execution from outside, some time after an event of its history. Events count from 1. */
export interface Stop {
  readonly execution: string;
  readonly event: number;
  readonly afterMs: number;
  readonly status: "ABORTED" | "TIMED_OUT";
}

/** Redrives an execution some time after it ended without success. Several redrives of one execution apply in turn. */
export interface Redrive {
  readonly execution: string;
  readonly afterMs: number;
}

/** A `deploy` that begins with an event of run-1. Events count from 1. */
export interface Deployment {
  readonly event: number;
  /** Whether it only adds a resource. Otherwise it changes one that clusters use. */
  readonly isHarmless: boolean;
  /** Whether it has the option --stop-running. */
  readonly mayStop: boolean;
}

/** The executions to start, and everything that goes wrong. */
export interface Scenario {
  readonly name: string;
  readonly faults: readonly Fault[];
  readonly stops?: readonly Stop[];
  readonly redrives?: readonly Redrive[];
  /** Number of the event of run-1 with which `destroy --stop-running` begins. @default never */
  readonly destroyAt?: number;
  /** @default none */
  readonly deployment?: Deployment;
  /** Changes the account before anything starts. @default nothing */
  readonly prepare?: (simulation: Simulation) => void;
  /** Start times of the executions run-1, run-2, … in ms. @default one execution that starts at once */
  readonly starts?: readonly number[];
  /** The key `overlap` of every execution's input. @default absent */
  readonly overlap?: "skip" | "queue";
  /** Every execution's input, any JSON value. @default one of a run with core nodes */
  readonly input?: unknown;
  /** Further keys of each execution's input, evaluated when the execution starts. @default none */
  readonly inputs?: readonly ((simulation: Simulation) => object)[];
  /** Delays in ms of the deliveries of each status event. EventBridge may lose or repeat events. @default one after 500 ms */
  readonly deliveries?: readonly (readonly number[])[];
  /** Seed of Math.random in the functions. @default 1 */
  readonly seed?: number;
  /** Hours until faults outside of running executions end, so that the later layers can do their work. @default 3 */
  readonly outageHours?: number;
}
