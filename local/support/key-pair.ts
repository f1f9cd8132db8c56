import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJson, writeJson } from "./json-file.ts";

/** An access key of AWS. */
export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Returns the key pair of the account in a directory, and creates it at the first start or when it is unreadable. */
export function accountKeys(directory: string, log: (line: string) => void = console.error): KeyPair {
  const file = join(directory, "credentials.json");
  const stored = existsSync(file) ? readJson<KeyPair>(file, "secretAccessKey", log) : undefined;
  if (stored !== undefined) return stored;
  const keys = { accessKeyId: keyId("AKIA", randomBytes(16)), secretAccessKey: randomBytes(30).toString("base64url") };
  writeJson(file, keys);
  return keys;
}

/** Returns the key pair of a role. Only those who know the account's secret can compute its id. */
export function roleKeys({ secretAccessKey }: KeyPair, role: string): KeyPair {
  const digest = createHmac("sha256", secretAccessKey).update(`role ${role}`).digest();
  return { accessKeyId: keyId("ASIA", digest), secretAccessKey };
}

/** Whether STS of this account issued the id: `session_key_id` of ministack_additions.py derives its end from the secret. */
export function isSessionKeyId({ secretAccessKey }: KeyPair, accessKeyId: string): boolean {
  const [, nonce, mac] = /^ASIA([0-9A-F]{16})([0-9A-F]{20})$/.exec(accessKeyId) ?? [];
  const digest = createHmac("sha256", secretAccessKey).update(`session ${nonce}`).digest("hex");
  return mac !== undefined && isSame(mac, digest.slice(0, mac.length).toUpperCase());
}

/** Returns the value of `tokenHeader` with which the account's own processes prove themselves to each other. */
export function serviceToken({ secretAccessKey }: KeyPair): string {
  return createHmac("sha256", secretAccessKey).update("service").digest("hex");
}

export const tokenHeader = "x-orchard-token";

/** Compares secrets in a time that does not depend on their content. */
export function isSame(first: string, second: string): boolean {
  const [left, right] = [first, second].map((text) => createHash("sha256").update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}

/** Returns an id of AWS's form: the prefix and 16 characters of base 32, which are 80 random bits. */
function keyId(prefix: "AKIA" | "ASIA", bytes: Buffer): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return prefix + Array.from(bytes.subarray(0, 16), (byte) => alphabet[byte % 32]).join("");
}
