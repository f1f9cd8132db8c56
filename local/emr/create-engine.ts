import { join } from "node:path";
import type { AccountContext } from "../support/account-context.ts";
import type { ClusterEngine } from "./cluster-engine.ts";
import type { ClusterLogs } from "./cluster-logs.ts";
import type { Cluster } from "./cluster-record.ts";
import { primaryInstanceId, yarnInstances } from "./instances.ts";
import { LocalEngine } from "./local-engine.ts";
import { YarnEngine } from "./yarn/yarn-engine.ts";
import { propertiesOf } from "./yarn-rules.ts";

/** Creates the engine of a cluster: YARN if the account was started with it, otherwise local[*]. */
export function createEngine(context: AccountContext, cluster: Cluster, logs: ClusterLogs): ClusterEngine {
  const { Configurations: configurations = [] } = cluster.request;
  const engine = {
    instanceId: primaryInstanceId(cluster),
    folder: join(context.directory, "emr", cluster.Id),
    logs,
    sparkDefaults: propertiesOf("spark-defaults", configurations),
  };
  if (context.yarn !== true) return new LocalEngine(context, engine);
  const sparkEnv = configurations.find(({ Classification: name }) => name === "spark-env");
  return new YarnEngine(context, {
    ...engine,
    workers: yarnInstances(cluster),
    coreSite: propertiesOf("core-site", configurations),
    sparkEnv: propertiesOf("export", sparkEnv?.Configurations),
  });
}
