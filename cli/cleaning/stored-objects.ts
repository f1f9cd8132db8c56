import { ListObjectVersionsCommand, type S3Client } from "@aws-sdk/client-s3";
import { decodeKey, encodedKeys, type S3Location } from "../../lambdas/aws/s3.ts";
import { deleteObjects } from "./delete-objects.ts";

/** An object with everything that a bucket keeps of it, even after its deletion. */
export interface StoredObject {
  readonly key: string;
  /** Ids of all versions and delete markers. Without versioning, there is one with the id "null". */
  readonly versions: readonly string[];
  /** Size of all versions together. */
  readonly bytes: number;
  /** When its newest version was written, or the object was deleted. */
  readonly modifiedAt: Date;
}

/** Lists the objects under a prefix at any depth with all their versions, in the order of their keys. */
export async function listStored(s3: S3Client, { bucket, key: prefix }: S3Location): Promise<readonly StoredObject[]> {
  const found = new Map<string, StoredObject>();
  let next: { readonly KeyMarker?: string | undefined; readonly VersionIdMarker?: string | undefined } | undefined = {};
  while (next) {
    const page: ListObjectVersionsCommand = new ListObjectVersionsCommand({
      Bucket: bucket,
      Prefix: prefix,
      ...encodedKeys,
      ...next,
    });
    const answer = await s3.send(page);
    const { Versions = [], DeleteMarkers = [], EncodingType, NextKeyMarker, NextVersionIdMarker } = answer;
    const sizes = Versions.map((version) => ({ ...version, bytes: version.Size ?? 0 }));
    for (const version of [...sizes, ...DeleteMarkers.map((marker) => ({ ...marker, bytes: 0 }))]) {
      const { Key = "", VersionId = "null", LastModified = new Date(0), bytes } = version;
      const key = decodeKey(Key, EncodingType);
      const { versions = [], bytes: others = 0, modifiedAt = LastModified } = found.get(key) ?? {};
      // MiniStack begins a page with the last object of the page before.
      if (versions.includes(VersionId)) continue;
      found.set(key, {
        key,
        versions: [...versions, VersionId],
        bytes: others + bytes,
        modifiedAt: modifiedAt > LastModified ? modifiedAt : LastModified,
      });
    }
    next = answer.IsTruncated
      ? { KeyMarker: NextKeyMarker && decodeKey(NextKeyMarker, EncodingType), VersionIdMarker: NextVersionIdMarker }
      : undefined;
  }
  return [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Deletes objects with all their versions. @throws CommandFailed with the first that S3 did not delete */
export async function deleteStored(
  s3: S3Client,
  bucket: string,
  objects: readonly StoredObject[],
  options: { readonly signal?: AbortSignal; readonly onProgress?: (deleted: number) => void },
): Promise<void> {
  const versions = objects.flatMap(({ key, versions: ids }) => ids.map((id) => ({ Key: key, VersionId: id })));
  await deleteObjects(s3, bucket, versions, options);
}

/** Finds the deleted objects that a later listing still has. An object that was written meanwhile under such a key is new. */
export function findLeft(deleted: readonly StoredObject[], listed: readonly StoredObject[]): readonly StoredObject[] {
  const byKey = new Map(listed.map((object) => [object.key, object]));
  return deleted.filter(({ key, versions, modifiedAt }) => {
    const now = byKey.get(key);
    return now !== undefined && now.modifiedAt <= modifiedAt && now.versions.some((id) => versions.includes(id));
  });
}
