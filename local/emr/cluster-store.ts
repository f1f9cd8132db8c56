import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { AwsError } from "../support/aws-error.ts";
import { readJson, writeJson } from "../support/json-file.ts";
import { type Cluster, hasEnded, isActive, type Reason, transition } from "./cluster-record.ts";

/** The reason that clusters end with when the account stops. */
export const accountStopped: Reason = {
  Code: "INTERNAL_ERROR",
  Message: "The embedded account stopped while the cluster ran.",
};

/** The account's clusters, each in <folder>/<id>/cluster.json. */
export class ClusterStore {
  readonly #folder: string;
  readonly #log: (line: string) => void;
  readonly #clusters = new Map<string, Cluster>();

  constructor(folder: string, log: (line: string) => void) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Reads the clusters of an earlier account. Ends those that it left running, saves them and returns them. */
  load(): readonly Cluster[] {
    mkdirSync(this.#folder, { recursive: true });
    for (const file of readdirSync(this.#folder).map((id) => join(this.#folder, id, "cluster.json"))) {
      if (existsSync(file)) {
        const cluster = readJson<Cluster>(file, "Id", this.#log);
        if (cluster !== undefined) this.#clusters.set(cluster.Id, cluster);
      }
    }
    const interrupted = this.list().filter((cluster) => !hasEnded(cluster));
    for (const cluster of interrupted) {
      for (const step of cluster.steps.filter(isActive)) {
        const state = step.Status.State === "RUNNING" ? "INTERRUPTED" : "CANCELLED";
        transition(step.Status, state, { Message: "Job terminated" });
      }
      transition(cluster.Status, "TERMINATED_WITH_ERRORS", accountStopped);
      this.save(cluster);
    }
    return interrupted;
  }

  list(): readonly Cluster[] {
    return [...this.#clusters.values()];
  }

  find(id: string): Cluster | undefined {
    return this.#clusters.get(id);
  }

  /** @throws AwsError InvalidRequestException for an unknown id, as operations that take a ClusterId do */
  get(id: string): Cluster {
    const cluster = this.find(id);
    if (cluster === undefined) {
      throw new AwsError("InvalidRequestException", `Cluster id '${id}' is not valid.`);
    }
    return cluster;
  }

  /** @throws AwsError ValidationException for an unknown id, as operations that take a JobFlowId do */
  getJobFlow(id: string): Cluster {
    const cluster = this.find(id);
    if (cluster === undefined) {
      throw new AwsError("ValidationException", "Specified job flow ID does not exist.");
    }
    return cluster;
  }

  /** @throws AwsError ValidationException for an unknown id, and for a cluster that is terminating or has terminated */
  getModifiable(id: string): Cluster {
    const cluster = this.getJobFlow(id);
    if (cluster.Status.State === "TERMINATING" || hasEnded(cluster)) {
      throw new AwsError(
        "ValidationException",
        "A job flow that is shutting down, terminated, or finished may not be modified.",
      );
    }
    return cluster;
  }

  save(cluster: Cluster): void {
    this.#clusters.set(cluster.Id, cluster);
    writeJson(join(this.#folder, cluster.Id, "cluster.json"), cluster);
  }
}
