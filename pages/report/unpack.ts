import type { ReportData } from "../../lambdas/contract/report-data.ts";

/** Decodes the data that fillReport has put into the page: base64 of gzipped JSON. */
export async function unpackData(base64: string): Promise<ReportData> {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const json = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(json).json();
}
