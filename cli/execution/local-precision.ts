import { existsSync, readFileSync } from "node:fs";
import type { ExecutionInput } from "./execution-input.ts";

/** Flags of processors that compute in bf16, as Linux names them. */
const bf16Flags = ["avx512_bf16", "amx_bf16"];

function readCpuinfo(): string {
  const file = "/proc/cpuinfo";
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** Whether a processor with this /proc/cpuinfo computes in bf16. */
function computesBf16(cpuinfo: string): boolean {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(" ") ?? [];
  return bf16Flags.some((flag) => flags.includes(flag));
}

/**
 * Fits an execution input to this machine. The embedded account computes here, no matter which instance types are planned.
 *
 * @param cpuinfo the content of /proc/cpuinfo; empty where there is none
 * @returns the input, without bf16 if the machine gains nothing by it, and the line that says so
 */
export function fitPrecision(
  input: ExecutionInput,
  cpuinfo: string = readCpuinfo(),
): { readonly input: ExecutionInput; readonly notice?: string } {
  if (input["precision"] !== "bf16" || computesBf16(cpuinfo)) return { input };
  return {
    input: { ...input, precision: "float32" },
    notice: `bf16 gains nothing on this machine, whose processor has neither ${bf16Flags.join(" nor ")}: the run takes float32.`,
  };
}
