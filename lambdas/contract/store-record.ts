import { z } from "zod";

/** Folder of a features store's records, and of the files of keys that they name. */
export const storeIndexFolder = "_index/";

/**
 * A record of a features store: what a run has found out about its files, or changed in them. Names are relative to the
 * store's folder. spark/orchard/store/records.py writes it and says more.
 */
export const storeRecordSchema = z.looseObject({
  /** The files whose images are in `keys`. */
  covers: z.array(z.string()).default([]),
  keys: z.array(z.string()).default([]),
  /** The file that has the rows of another one, from a row number on, since a time. */
  moved: z.record(z.string(), z.tuple([z.string(), z.int(), z.string()])).default({}),
  /** Files that readers must not use any more, since a time. */
  expired: z.record(z.string(), z.string()).default({}),
  /** Older records, whose content this one repeats. */
  replaces: z.array(z.string()).default([]),
});
export type StoreRecord = Readonly<z.output<typeof storeRecordSchema>>;
