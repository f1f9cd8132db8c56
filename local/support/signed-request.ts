import type { IncomingMessage } from "node:http";

interface CredentialScope {
  readonly accessKeyId: string;
  /** The signing name, such as s3. */
  readonly service: string;
}

/**
 * Reads the credential scope of the Authorization header or of a presigned URL; both members are empty without one.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function credentialScope({ headers, url }: IncomingMessage): CredentialScope {
  const signed = /Credential=([^,]+)/.exec(headers.authorization ?? "")?.[1];
  const query = new URLSearchParams(url?.split("?", 2)[1] ?? "");
  const scope = signed ?? query.get("X-Amz-Credential") ?? "";
  const match = /^([^/]+)\/\d+\/[^/]*\/([^/]+)\/aws4_request$/.exec(scope);
  return { accessKeyId: match?.[1] ?? "", service: match?.[2] ?? "" };
}
