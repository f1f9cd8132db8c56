import type { Cluster } from "@aws-sdk/client-emr";
import type { Section } from "../../../../lambdas/contract/sections.ts";

/**
 * A failure and its diagnosis. The logs are in the folder with the sample's name: driver.* are the driver container's,
 * client.* and controller the step's, bootstrap.* a bootstrap action's.
 *
 * Observed logs come from runs that failed on the embedded account, by spark-submit on local[2] or by bootstrap.sh. Most
 * INFO lines and Java frames are left out, and paths and host names are EMR's. The driver's logs are at their place in
 * cluster deploy mode, with a client log as YARN writes it (yarn-client.stderr.log, after Spark's Client.scala).
 */
export interface Sample {
  readonly name: string;
  /** How the failure was produced ("observed: …"), or the page or source after which the logs are written. */
  readonly origin: string;
  readonly error?: { readonly Error: string; readonly Cause: string };
  /** DescribeCluster's answer if the cluster itself failed; null if there is no cluster. */
  readonly cluster?: Cluster | null;
  readonly market?: "SPOT";
  readonly cause: string;
  readonly section: Section;
  readonly remedy: string | null;
}
