import { createHash } from "node:crypto";
import { sha256 } from "../../../lambdas/aws/s3.ts";
import { AwsError } from "../../../local/support/aws-error.ts";
import { answerListing, type SyntheticBucket } from "../../doubles/s3-listing.ts";
import { type ApiCall, xmlResponse } from "./aws-protocols.ts";
import { model, region, wheelhouse } from "./deployed.ts";
import type { HttpResponse } from "./sandbox.ts";

const images = "data/raw/";

/** The data bucket, with the artifacts that `cdk deploy` uploads and four images. */
export class S3 {
  /** Takes the place of the four images: keys that are computed, because there are too many. */
  tree: SyntheticBucket | undefined;
  /** Keys of all GetObject calls. */
  readonly reads: string[] = [];
  /** Number of all ListObjectsV2 calls. */
  listings = 0;
  readonly objects = new Map<string, Buffer>([
    [`artifacts/${sha256(model)}/model.tflite`, Buffer.from(model)],
    [`artifacts/${sha256(wheelhouse)}/wheelhouse.tar`, Buffer.from(wheelhouse)],
    ...["Apple/0.jpg", "Apple/1.jpg", "Pear/0.jpg", "Pear/1.jpg"].map(
      (path) => [`${images}Training/${path}`, Buffer.from(path)] as const,
    ),
  ]);

  json(key: string): unknown {
    const body = this.objects.get(key);
    return body === undefined ? undefined : JSON.parse(body.toString());
  }

  write(key: string, value: unknown): void {
    this.objects.set(key, Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
  }

  /** Answers one request. @throws AwsError */
  handle({ operation, input }: ApiCall): HttpResponse {
    const { key, query, headers, body } = input as {
      key: string;
      query: URLSearchParams;
      headers: Record<string, string>;
      body: Buffer;
    };
    const header = (name: string) => headers[name] ?? headers[name.toLowerCase()];
    const found = this.objects.get(key);
    switch (operation) {
      case "HeadBucket":
        return { status: 200, headers: { "x-amz-bucket-region": region }, body: "" };
      case "GetPublicAccessBlock": {
        const settings = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
        const set = settings.map((name) => `<${name}>true</${name}>`).join("");
        return xmlResponse(`<PublicAccessBlockConfiguration>${set}</PublicAccessBlockConfiguration>`);
      }
      case "GetBucketReplication":
        throw new AwsError("ReplicationConfigurationNotFoundError", "There is no replication configuration", 404);
      case "ListObjectsV2": {
        this.listings += 1;
        const prefix = query.get("prefix") ?? "";
        const listed = this.tree && prefix.startsWith(images) ? this.tree : this.#stored(prefix);
        return xmlResponse(answerListing(listed, query));
      }
      case "PutObject":
        if (header("If-None-Match") === "*" && found !== undefined)
          throw new AwsError("PreconditionFailed", "The object exists", 412);
        this.objects.set(key, body);
        return { status: 200, headers: { etag: etag(body) }, body: "" };
      case "DeleteObject":
        this.objects.delete(key);
        return { status: 204, headers: {}, body: "" };
      default: {
        if (found === undefined)
          throw new AwsError(
            operation === "HeadObject" ? "NotFound" : "NoSuchKey",
            "The specified key does not exist.",
            404,
          );
        if (operation === "GetObject") this.reads.push(key);
        const [, first = "0", last = String(found.length)] = /^bytes=(\d+)-(\d+)$/.exec(header("Range") ?? "") ?? [];
        const part = found.subarray(Number(first), Number(last) + 1);
        const content = { "content-length": String(part.length), etag: etag(found) };
        return { status: 200, headers: content, body: operation === "HeadObject" ? "" : part };
      }
    }
  }

  #stored(prefix: string): SyntheticBucket {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const keyAt = (index: number): string => keys[index] ?? "";
    const bodyAt = (index: number): Buffer => this.objects.get(keyAt(index)) ?? Buffer.alloc(0);
    const bytesAt = (index: number): number => bodyAt(index).length;
    return { count: keys.length, keyAt, bytesAt, etagAt: (index) => etag(bodyAt(index)).slice(1, -1) };
  }
}

const etags = new WeakMap<Buffer, string>();

/** With the quotes. Thousands of objects may share a body. */
function etag(body: Buffer): string {
  const known = etags.get(body) ?? `"${createHash("md5").update(body).digest("hex")}"`;
  etags.set(body, known);
  return known;
}
