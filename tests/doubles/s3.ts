import { createHash } from "node:crypto";
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
} from "@aws-sdk/client-s3";
import { byCodePoint } from "../../lambdas/contract/image-tree.ts";

function failure(name: string): Error {
  return Object.assign(new Error(name), { name });
}

/** The ETag of an object that was uploaded in one part. */
function etagOf(content: Uint8Array): string {
  return `"${createHash("md5").update(content).digest("hex")}"`;
}

/** One bucket in memory, for the commands that read, write and list objects. */
export class S3Double {
  readonly objects = new Map<string, Uint8Array>();
  readonly puts: PutObjectCommandInput[] = [];
  /** Etags that differ from the MD5 of the content, as after an upload in parts. */
  readonly etags = new Map<string, string>();
  /** Time at which objects were written, for ListObjectVersions; 1970 by default. */
  readonly writtenAt = new Map<string, Date>();
  /** Keys of all GetObject calls. */
  readonly gets: string[] = [];
  /** Name of the error with which PutObject fails. */
  putError: string | undefined;
  /** Called with the key before each PutObject. */
  beforePut: ((key: string) => void) | undefined;
  /** Objects and common prefixes that a page of ListObjectsV2 has at most, as on S3. */
  keysPerPage = 1_000;
  /** The SDK's paginator accepts only an instance of the client class. */
  readonly client = Object.assign(new S3Client({ region: "eu-west-1" }), {
    send: async (command: unknown) => this.answer(command),
  });

  write(key: string, content: string | Uint8Array): void {
    this.objects.set(key, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }

  writeJson(key: string, value: unknown): void {
    this.write(key, JSON.stringify(value));
  }

  readText(key: string): string {
    return new TextDecoder().decode(this.read(key));
  }

  private read(key = ""): Uint8Array {
    const content = this.objects.get(key);
    if (!content) throw failure("NoSuchKey");
    return content;
  }

  private answer(command: unknown): unknown {
    if (command instanceof GetObjectCommand) return this.get(command.input);
    if (command instanceof DeleteObjectCommand) {
      this.objects.delete(command.input.Key ?? "");
      return {};
    }
    if (command instanceof DeleteObjectsCommand) {
      for (const { Key = "" } of command.input.Delete?.Objects ?? []) this.objects.delete(Key);
      return {};
    }
    if (command instanceof HeadObjectCommand) {
      if (!this.objects.has(command.input.Key ?? "")) throw failure("NotFound");
      return {};
    }
    if (command instanceof PutObjectCommand) return this.put(command.input);
    if (command instanceof ListObjectsV2Command) return this.list(command.input);
    if (command instanceof ListObjectVersionsCommand) return this.listVersions(command.input);
    throw new Error(`S3Double has no answer to ${(command as object).constructor.name}; add one.`);
  }

  private get({ Key, Range }: GetObjectCommandInput): unknown {
    const content = this.read(Key);
    this.gets.push(Key ?? "");
    const [, first = "0", last = String(content.length)] = /^bytes=(\d+)-(\d+)$/.exec(Range ?? "") ?? [];
    const bytes = content.subarray(Number(first), Number(last) + 1);
    const stream = (): ReadableStream => new Blob([Buffer.from(bytes)]).stream();
    return { Body: { transformToByteArray: async () => bytes, transformToWebStream: stream } };
  }

  private put(input: PutObjectCommandInput): unknown {
    this.puts.push(input);
    if (this.putError) throw failure(this.putError);
    const { Key = "", Body, IfNoneMatch } = input;
    this.beforePut?.(Key);
    if (IfNoneMatch === "*" && this.objects.has(Key)) throw failure("PreconditionFailed");
    this.write(Key, Body as string | Uint8Array);
    return { ETag: etagOf(this.read(Key)) };
  }

  private list({ Prefix = "", Delimiter, ContinuationToken, StartAfter = "", MaxKeys }: ListObjectsV2CommandInput) {
    const entries = new Map<string, object>();
    for (const [key, content] of [...this.objects].sort(([a], [b]) => byCodePoint(a, b))) {
      if (!key.startsWith(Prefix) || byCodePoint(key, StartAfter) <= 0) continue;
      const end = Delimiter === undefined ? -1 : key.indexOf(Delimiter, Prefix.length);
      const listed = this.etags.get(key);
      const ETag = listed === undefined ? etagOf(content) : `"${listed}"`;
      if (end < 0) entries.set(key, { Key: key, Size: content.length, ETag });
      else entries.set(key.slice(0, end + 1), { Prefix: key.slice(0, end + 1) });
    }
    const start = Number(ContinuationToken ?? 0);
    const next = start + Math.min(this.keysPerPage, MaxKeys ?? this.keysPerPage);
    const page = [...entries.values()].slice(start, next);
    return {
      Contents: page.filter((entry) => "Key" in entry),
      CommonPrefixes: page.filter((entry) => "Prefix" in entry),
      NextContinuationToken: next < entries.size ? String(next) : undefined,
    };
  }

  /** Lists the single version of each object of a bucket without versioning, in one page. */
  private listVersions({ Prefix = "" }: ListObjectVersionsCommandInput): unknown {
    const Versions = [...this.objects]
      .filter(([key]) => key.startsWith(Prefix))
      .map(([Key, { length: Size }]) => ({ Key, Size, LastModified: this.writtenAt.get(Key), VersionId: "null" }));
    return { Versions };
  }
}
