import { expect, test } from "vitest";
import { fitPrecision } from "../../../cli/execution/local-precision.ts";

const cpuinfo = (flags: string): string =>
  `processor\t: 0\nmodel name\t: a processor\nflags\t\t: ${flags}\nbogomips\t: 1\n`;
const bf16 = { mode: "mini", precision: "bf16" };

test.each(["fpu avx512_bf16 sse", "fpu amx_bf16"])("a machine with %s computes in bf16", (flags) => {
  expect(fitPrecision(bf16, cpuinfo(flags))).toEqual({ input: bf16 });
});

test.each([cpuinfo("fpu avx512f avx512bw"), cpuinfo("fpu xavx512_bf16"), "Features\t: fp asimd bf16", ""])(
  "another machine takes float32, and says so: %j",
  (text) => {
    const { input, notice } = fitPrecision(bf16, text);

    expect(input).toEqual({ mode: "mini", precision: "float32" });
    expect(notice).toMatch(/^bf16 gains nothing on this machine, .* neither avx512_bf16 nor amx_bf16: .* float32\.$/);
  },
);

test.each([{ mode: "mini" }, { mode: "mini", precision: "float32" }])("%j stays as it is", (input) => {
  expect(fitPrecision(input, "")).toEqual({ input });
});
