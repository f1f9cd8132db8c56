/** A bucket with any number of objects that are computed, not stored. */
export interface SyntheticBucket {
  readonly count: number;
  /** Keys in the order of their UTF-8 bytes. */
  readonly keyAt: (index: number) => string;
  /** Without quotes. @default the index */
  readonly etagAt?: (index: number) => string;
  /** @default one KiB each */
  readonly bytesAt?: (index: number) => number;
  /** @default 2026-01-01T00:00:00.000Z */
  readonly modifiedAt?: (index: number) => string;
  /** Objects and folders of a page at most. @default 1,000, as S3 has */
  readonly keysPerPage?: number;
}

/** The keys `data/raw/Training/label-0000/00000000.jpg` and so on, spread evenly over the labels. */
export function evenTree(images: number, labels = 1): Pick<SyntheticBucket, "count" | "keyAt"> {
  const perLabel = Math.ceil(images / labels);
  const pad = (number: number, width: number): string => String(number).padStart(width, "0");
  const keyAt = (index: number): string =>
    `data/raw/Training/label-${pad(Math.floor(index / perLabel), 4)}/${pad(index % perLabel, 8)}.jpg`;
  return { count: images, keyAt };
}

/** The bucket of a list of keys. */
export function bucketOfKeys(keys: readonly string[]): Pick<SyntheticBucket, "count" | "keyAt"> {
  const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return { count: sorted.length, keyAt: (index) => sorted[index] ?? "" };
}

interface Page {
  readonly folders: readonly string[];
  readonly indexes: readonly number[];
  /** Start of the next page; undefined for the last page. */
  readonly next: number | undefined;
}

/** Position of the first key that is equal to a text or after it; with `isAfter`, of the first key after it. */
function search({ count, keyAt }: SyntheticBucket, text: string, isAfter: boolean): number {
  const wanted = Buffer.from(text);
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = Buffer.compare(Buffer.from(keyAt(middle)), wanted);
    if (order < 0 || (isAfter && order === 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Position after all keys that begin with a prefix. */
function endOf(bucket: SyntheticBucket, prefix: string, from: number): number {
  let [low, high] = [from, bucket.count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bucket.keyAt(middle).startsWith(prefix)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns the page of a listing with the query of its request. */
export function pageOf(bucket: SyntheticBucket, query: URLSearchParams): Page {
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const most = Math.min(bucket.keysPerPage ?? 1_000, Number(query.get("max-keys") ?? 1_000));
  const token = query.get("continuation-token");
  const first = search(bucket, prefix, false);
  const after = query.get("start-after") ?? "";
  let index = token === null ? Math.max(first, after === "" ? 0 : search(bucket, after, true)) : Number(token);
  const folders: string[] = [];
  const indexes: number[] = [];
  while (index < bucket.count && folders.length + indexes.length < most) {
    const key = bucket.keyAt(index);
    if (!key.startsWith(prefix)) break;
    const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    if (end < 0) {
      indexes.push(index);
      index += 1;
    } else {
      const folder = key.slice(0, end + 1);
      // S3 leaves out a folder if StartAfter is inside the folder or after it.
      if (token !== null || folder > after) folders.push(folder);
      index = endOf(bucket, folder, index);
    }
  }
  const isMore = index < bucket.count && bucket.keyAt(index).startsWith(prefix);
  return { folders, indexes, next: isMore ? index : undefined };
}

/** Answers ListObjectsV2 with the query of its request. */
export function answerListing(bucket: SyntheticBucket, query: URLSearchParams): string {
  const { folders, indexes, next } = pageOf(bucket, query);
  const encode = (key: string): string => encodeURIComponent(key).replaceAll("%2F", "/").replaceAll("%20", "+");
  const {
    etagAt = (index) => index.toString(16).padStart(32, "0"),
    bytesAt = () => 1_024,
    modifiedAt = () => "2026-01-01T00:00:00.000Z",
  } = bucket;
  const contents = indexes.map(
    (index) =>
      `<Contents><Key>${encode(bucket.keyAt(index))}</Key><LastModified>${modifiedAt(index)}</LastModified>` +
      `<ETag>&quot;${etagAt(index)}&quot;</ETag><Size>${bytesAt(index)}</Size>` +
      "<StorageClass>STANDARD</StorageClass></Contents>",
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<EncodingType>url</EncodingType><KeyCount>${folders.length + indexes.length}</KeyCount>`,
    `<IsTruncated>${next !== undefined}</IsTruncated>`,
    next === undefined ? "" : `<NextContinuationToken>${next}</NextContinuationToken>`,
    ...contents,
    ...folders.map((folder) => `<CommonPrefixes><Prefix>${encode(folder)}</Prefix></CommonPrefixes>`),
    "</ListBucketResult>",
  ].join("");
}
