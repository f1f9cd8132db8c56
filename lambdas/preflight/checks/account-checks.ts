import { artifactChecks } from "./artifact-checks.ts";
import { bucketChecks } from "./bucket-checks.ts";
import { capacityChecks } from "./capacity-checks.ts";
import { deploymentChecks } from "./deployment-checks.ts";
import { networkChecks } from "./network-checks.ts";
import { notificationChecks } from "./notification-checks.ts";
import { roleChecks } from "./role-checks.ts";
import type { CheckContext, CheckSpec } from "./run-checks.ts";

/** Lists the checks of the account, in the order in which a person sets it up. */
export function accountChecks(
  context: CheckContext,
  { createsCluster }: { readonly createsCluster: boolean },
): readonly CheckSpec[] {
  return [
    ...deploymentChecks(context),
    ...bucketChecks(context),
    ...artifactChecks(context),
    // These only matter when a cluster is created.
    ...(createsCluster ? [...roleChecks(context), ...networkChecks(context), ...capacityChecks(context)] : []),
    ...notificationChecks(context),
  ];
}
