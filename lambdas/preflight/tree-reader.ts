import type { S3Client } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { firstPage, listPages, parseS3Uri, type S3Location, type S3Object, type S3Page } from "../aws/s3.ts";
import { isVisibleFolder, type Layout, LayoutVote, treeRules } from "../contract/image-tree.ts";
import { type KeyRange, listConcurrency } from "./key-ranges.ts";

/** Reads the levels of an image tree by paths from its root. */
export class TreeReader {
  readonly #s3: S3Client;
  readonly #root: S3Location;

  /** @param imageTree s3://bucket/prefix/ */
  constructor(s3: S3Client, imageTree: string) {
    this.#s3 = s3;
    this.#root = parseS3Uri(imageTree);
  }

  get rootKey(): string {
    return this.#root.key;
  }

  pathOf({ key }: S3Object): string {
    return key.slice(this.#root.key.length);
  }

  /** Everything in a folder. Its name may be empty, as in the key `Training//image.jpg`. */
  rangeOf(folder: string): KeyRange {
    return { bucket: this.#root.bucket, prefix: `${this.#root.key}${folder}/`, after: "" };
  }

  #at(folder: string): S3Location {
    return folder === "" ? this.#root : { bucket: this.#root.bucket, key: this.rangeOf(folder).prefix };
  }

  /** Lists the folders in a folder, by their paths, and passes on the files beside them. */
  async foldersIn(folder: string, visit: (objects: readonly S3Object[]) => void): Promise<readonly string[]> {
    const folders: string[] = [];
    for await (const page of listPages(this.#s3, this.#at(folder), { isFlat: true })) {
      folders.push(...pathsBelow(folder, page));
      visit(page.objects);
    }
    return folders;
  }

  /** Lists the first 1,000 files and folders in a folder, by their paths. */
  async firstIn(folder: string): Promise<{ readonly folders: readonly string[]; readonly files: readonly string[] }> {
    const page = await firstPage(this.#s3, this.#at(folder), { isFlat: true });
    return { folders: pathsBelow(folder, page), files: page.objects.map((object) => this.pathOf(object)) };
  }
}

function pathsBelow(folder: string, { folders }: S3Page): readonly string[] {
  return folders.map((name) => (folder === "" ? name : `${folder}/${name}`));
}

/**
 * Detects the layout from the first files of each folder. Looks into the second-level folders only if there are images
 * beside them; without any, the tree has splits.
 *
 * @param tops the visible folders in the root
 */
export async function detectTreeLayout(reader: TreeReader, tops: readonly string[]): Promise<Layout> {
  const vote = new LayoutVote();
  const look = async (folder: string): Promise<readonly string[]> => {
    const { folders, files } = await reader.firstIn(folder);
    for (const file of files) vote.add(file);
    return folders;
  };
  const folders = (await pMap(tops, look, { concurrency: listConcurrency })).flat();
  if (!vote.hasLabelImages) return "split/label";
  const visible = folders.filter((name) => isVisibleFolder(treeRules("split/label"), name));
  await pMap(visible, look, { concurrency: listConcurrency });
  return vote.layout;
}
