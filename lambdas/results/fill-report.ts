import { gzipSync } from "node:zlib";
import type { ReportData } from "../contract/report-data.ts";

const place = "{{data}}";

/**
 * Puts the data of a run into the page. Base64 has no character with a meaning in HTML, so no name in the data can
 * become markup or a script.
 *
 * @param template report-template.html, beside the handler's bundle
 * @throws Error if the template has no place for the data
 */
export function fillReport(template: string, data: ReportData): string {
  if (!template.includes(place)) throw new Error(`The report's template lacks ${place}; deploy the stack again`);
  return template.replace(place, gzipSync(JSON.stringify(data), { level: 9 }).toString("base64"));
}
