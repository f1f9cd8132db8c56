// An S3 endpoint over HTTP whose bucket has any number of objects that are computed, not stored. It answers ListObjectsV2,
// and HeadBucket with the region, as S3 does; each answer takes a given time.
//
// node tests/doubles/synthetic-s3.ts --images 10000000 --labels 1 --latency 50 --page 1000
// prints {"url": …} and runs until its standard input ends.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { answerListing, evenTree, type SyntheticBucket } from "./s3-listing.ts";

export interface SyntheticS3 {
  readonly url: string;
  /** Number of listings so far. */
  readonly requests: () => number;
  readonly close: () => Promise<void>;
}

interface Latency {
  /** Milliseconds before each answer. @default 0 */
  readonly latencyMs?: number;
}

/** Starts the endpoint on a free loopback port. */
export async function startSyntheticS3(bucket: SyntheticBucket & Latency): Promise<SyntheticS3> {
  let requests = 0;
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://localhost");
    const answer = (): void => {
      response.setHeader("x-amz-bucket-region", "eu-west-1");
      if (request.method === "HEAD") response.end();
      else if (request.method === "GET" && searchParams.get("list-type") === "2") {
        requests += 1;
        response.setHeader("content-type", "application/xml").end(answerListing(bucket, searchParams));
      } else response.writeHead(501).end();
    };
    setTimeout(answer, bucket.latencyMs ?? 0);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}`, requests: () => requests, close };
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      images: { type: "string", default: "1000" },
      labels: { type: "string", default: "1" },
      latency: { type: "string", default: "0" },
      page: { type: "string", default: "1000" },
    },
  });
  const { url, close } = await startSyntheticS3({
    ...evenTree(Number(values.images), Number(values.labels)),
    latencyMs: Number(values.latency),
    keysPerPage: Number(values.page),
  });
  console.log(JSON.stringify({ url }));
  process.stdin.on("end", close).resume();
}
