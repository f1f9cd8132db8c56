import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AwsError } from "./aws-error.ts";
import { credentialScope } from "./signed-request.ts";

/** Error code of a foreign access key: each protocol of AWS has its own, and clients react to it. */
const invalidKeyCodes = {
  s3: "InvalidAccessKeyId",
  query: "InvalidClientTokenId",
  json: "UnrecognizedClientException",
};

/** Answers an error in the protocol of the request, so that every client shows its message. */
export function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  { name, message, status }: AwsError,
): void {
  const protocol = protocolOf(request);
  const code = name === "InvalidClientTokenId" ? invalidKeyCodes[protocol] : name;
  const requestId = randomUUID();
  response.writeHead(status, {
    "content-type": protocol === "json" ? "application/json" : "application/xml",
    "x-amzn-requestid": requestId,
    "x-amzn-errortype": code,
  });
  if (protocol === "json") {
    response.end(JSON.stringify({ __type: code, message }));
    return;
  }
  const error = `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
  response.end(
    protocol === "s3" ? error : `<ErrorResponse>${error}<RequestId>${requestId}</RequestId></ErrorResponse>`,
  );
}

function protocolOf(request: IncomingMessage): "s3" | "query" | "json" {
  if (credentialScope(request).service === "s3") return "s3";
  return /^application\/x-www-form-urlencoded/.test(request.headers["content-type"] ?? "") ? "query" : "json";
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
