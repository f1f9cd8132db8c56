import type { markets } from "../contract/choices.ts";

/** vCPUs of the standard families that an account may run at a time in a region, as Service Quotas names them for ec2. */
export const vcpuQuotas: Readonly<Record<(typeof markets)[number], { readonly code: string; readonly name: string }>> =
  {
    ON_DEMAND: { code: "L-1216C47A", name: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances" },
    SPOT: { code: "L-34B43A08", name: "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests" },
  };
