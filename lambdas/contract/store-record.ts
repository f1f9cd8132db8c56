import { z } from "zod";

/** Folder of a features store's records, and of the files of keys that they name. */
export const storeIndexFolder = "_index/";

/**
 * A record of a features store: the findings of a run about the store's files, or its changes to them. Names are relative
 * to the store's folder. spark/orchard/store/records.py writes it and says more.
 */
export const storeRecordSchema = z.looseObject({
  /** The files whose images are in `keys`. */
  covers: z.array(z.string()).default([]),
  keys: z.array(z.string()).default([]),
  /** For a file that was merged into another: the other file, the number of its first row there, and the time. */
  moved: z.record(z.string(), z.tuple([z.string(), z.int(), z.string()])).default({}),
  /** By the name of a file, the time after which readers must not use it. */
  expired: z.record(z.string(), z.string()).default({}),
  /** Older records, whose content this one repeats. */
  replaces: z.array(z.string()).default([]),
});
export type StoreRecord = Readonly<z.output<typeof storeRecordSchema>>;
