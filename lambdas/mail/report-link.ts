import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { parseS3Uri } from "../aws/s3.ts";
import { isEmbedded, nameOf } from "../contract/arns.ts";
import { openReportCommand } from "../contract/console-links.ts";
import { planFile, runIdOfPlanUri } from "../contract/s3-layout.ts";
import type { PartialState } from "../contract/state-data.ts";
import { logger } from "../runtime/handler.ts";

/**
 * A link expires at the latest with the credentials that signed it. A function's credentials last up to 12 hours, some of
 * which may have passed, so the mail promises no more than "at most".
 */
const linkHours = 6;

/**
 * Signs a link that opens the run's page without a login. Signing makes no call.
 *
 * @returns null if there is no page or it cannot be signed, and on the embedded account, which ends with its process
 */
export async function signReportLink(
  { report }: PartialState,
  executionArn: string,
  s3: S3Client,
): Promise<string | null> {
  if (!report || isEmbedded(executionArn)) return null;
  try {
    const { bucket, key } = parseS3Uri(report.uri);
    const command = new GetObjectCommand({ Bucket: bucket, Key: key });
    return await getSignedUrl(s3, command, { expiresIn: linkHours * 3_600 });
  } catch (error) {
    // The mail has the command, too, and must be sent in any case.
    logger.warn("The link to the report could not be signed", { error });
    return null;
  }
}

/** The lines that open the page of the run, or of the earlier run whose results are valid for it. */
export function reportLines(
  { plan, report, reportError }: PartialState,
  executionArn: string,
  link: string | null,
): readonly string[] {
  const command = (runId: string): string => `Report:    ${openReportCommand(runId, executionArn)}`;
  if (report) {
    return [
      command(nameOf(executionArn)),
      ...(link === null
        ? []
        : [`           or this link, which works for at most ${linkHours} hours, for everybody who has it:`, link]),
    ];
  }
  if (reportError) return [`Report:    none, because it could not be written: ${reportError.Error}`];
  const earlier = plan?.reuse && runIdOfPlanUri(`${plan.reuse.run}${planFile}`);
  return earlier ? [command(earlier)] : [];
}
