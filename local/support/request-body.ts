import type { IncomingMessage } from "node:http";
import { AwsError, errorText } from "./aws-error.ts";

/** The largest body that the gateway reads. Lambda's limit for a payload is 6 MB. */
const maxBodyBytes = 8 * 1024 * 1024;

/** Reads the body of a request as text. @throws AwsError RequestEntityTooLarge */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) {
      throw new AwsError("RequestEntityTooLarge", `The request has more than ${maxBodyBytes} bytes.`, 413);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Parses the body of a request; an empty one is an empty object. @throws AwsError RequestEntityTooLarge, SerializationException */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request);
  try {
    return body === "" ? {} : JSON.parse(body);
  } catch (error) {
    throw new AwsError("SerializationException", errorText(error));
  }
}
