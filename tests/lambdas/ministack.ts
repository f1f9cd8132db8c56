import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EC2Client } from "@aws-sdk/client-ec2";
import { EMRClient } from "@aws-sdk/client-emr";
import { IAMClient } from "@aws-sdk/client-iam";
import { S3Client } from "@aws-sdk/client-s3";
import type { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SNSClient } from "@aws-sdk/client-sns";
import { STSClient } from "@aws-sdk/client-sts";
import { execa } from "execa";
import getPort from "get-port";
import { afterAll } from "vitest";
import type { PreflightClients } from "../../lambdas/preflight/preflight-context.ts";
import { waitUntil } from "../../shared/wait-until.ts";

const root = join(import.meta.dirname, "..", "..");
export const python = join(root, ".orchard", "python", "bin", "python");
const ministack = join(root, ".orchard", "python", "bin", "ministack");

export const region = "eu-west-1";

/** MiniStack and its clients. It has no Service Quotas, so every quota is 256 vCPUs. */
export interface Ministack extends PreflightClients {
  readonly endpoint: string;
  /** An S3 client of another region. */
  readonly s3In: (region: string) => S3Client;
}

async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${endpoint}/_ministack/health`)).ok;
  } catch (error) {
    // MiniStack does not listen yet.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** Starts an empty MiniStack on a free loopback port. It ends with the test file that calls this. */
export async function startMinistack(): Promise<Ministack> {
  if (!existsSync(ministack)) throw new Error("No MiniStack in .orchard/python: npm test sets it up");
  const port = await getPort();
  const folder = mkdtempSync(join(tmpdir(), "orchard-ministack-"));
  const child = execa(ministack, [], {
    cwd: folder,
    env: {
      ...{ GATEWAY_PORT: String(port), EDGE_PORT: String(port), BIND_HOST: "127.0.0.1", MINISTACK_REGION: region },
      // Its other listeners have fixed ports.
      ...{ IOT_MTLS_ENABLED: "0", SFTP_ENABLED: "0" },
    },
    stdio: "ignore",
    reject: false,
    cleanup: true,
  });
  afterAll(async () => {
    child.kill("SIGTERM");
    await child;
    rmSync(folder, { recursive: true, force: true });
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const isDone = async (): Promise<boolean> => child.exitCode !== null || (await isHealthy(endpoint));
  if (!(await waitUntil(isDone, { timeoutMs: 120_000 })) || child.exitCode !== null)
    throw new Error("MiniStack did not start");
  const settings = { endpoint, region, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
  return {
    endpoint,
    s3: new S3Client(settings),
    sts: new STSClient(settings),
    iam: new IAMClient(settings),
    ec2: new EC2Client(settings),
    sns: new SNSClient(settings),
    quotas: { send: async () => ({ Quota: { Value: 256 } }) } as unknown as ServiceQuotasClient,
    emr: new EMRClient(settings),
    sfn: new SFNClient(settings),
    s3In: (other) => new S3Client({ ...settings, region: other }),
  };
}
