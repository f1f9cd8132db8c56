import { fillPage } from "../../shared/fill-page.ts";
import type { ReportData } from "../contract/report-data.ts";

/**
 * Puts the data of a run into its page.
 *
 * @param template report-template.html, beside the handler's bundle
 */
export function fillReport(template: string, data: ReportData): string {
  return fillPage(template, data);
}
