// Keys in the data bucket. docs/contracts.md describes the files.

/** Prefix of the image trees. The nodes may read it. */
export const dataPrefix = "data/";
/** Prefix of the image tree of an execution input that names none. */
export const defaultInputPrefix = `${dataPrefix}raw/`;
/** Prefix of all logs. */
export const logsPrefix = "logs/";
/** Prefix of the clusters' logs; the state machine gives it to EMR as LogUri. */
export const emrLogsPrefix = `${logsPrefix}emr/`;
/** Prefix of content-addressed artifacts: the model, the wheelhouse and the scripts. */
export const artifactsPrefix = "artifacts/";
/** Preflight writes and deletes an object here; its role may delete nothing else. */
export const preflightProbePrefix = `${artifactsPrefix}preflight-probe/`;
/** While this object exists, Preflight refuses every run: `destroy` writes it, and `deploy` deletes it. */
export const closedKey = `${artifactsPrefix}closed`;
/** Prefix of all runs' results. */
export const runsPrefix = "runs/";
/** Prefix of the features that are shared across runs. */
export const featuresStorePrefix = "features-store/";
/** Folder of Spark's event logs. Spark requires it to exist when a job starts, so UploadScripts creates it. */
export const sparkEventsKey = "spark-events/";
/** Points to the latest run whose results are valid. */
export const latestRunKey = `${runsPrefix}latest.json`;

/** Names of files in a run's folder. */
export const planFile = "plan.json";
export const manifestFile = "manifest.json";
export const inventorySummaryFile = "inventory/summary.json";
export const progressFile = "progress.json";
export const reportFiguresFile = "report/figures.json";
export const reportFile = "report/report.html";

/** Key of an artifact, addressed by the hexadecimal sha256 of its content: an existing object is never overwritten. */
export function artifactKey(sha256: string, file: string): string {
  return `${artifactsPrefix}${sha256}/${file}`;
}

/** Key of a file in a run's folder, or of the folder itself. */
export function runKey(runId: string, file = ""): string {
  return `${runsPrefix}${runId}/${file}`;
}

/** s3:// URI of a run's folder. */
export function runUri(bucket: string, runId: string): string {
  return `s3://${bucket}/${runKey(runId)}`;
}

/** s3:// folder of the features that a run has computed, in Parquet. */
export function featuresOf(run: string): string {
  return `${run}features/parquet`;
}

/** Folder of a run's reference to features in the store. */
export const referenceFolder = "features/reference";

/** s3:// folder of the run whose features a plan reduces: its own, or an earlier one's. */
export function featuresRunOf({ run, features }: { readonly run: string; readonly features: string | null }): string {
  return features === null ? run : features.slice(0, -featuresOf("").length);
}

/** The run whose plan.json an s3:// URI addresses; undefined for any other URI. */
export function runIdOfPlanUri(uri: string): string | undefined {
  return /^s3:\/\/[^/]+\/runs\/(.+)\/plan\.json$/.exec(uri)?.[1];
}

/** Folder of the index that lists the runs with the same selection and features. */
export function runIndexPrefix(featuresIdentity: string, selection: string): string {
  return `${runsPrefix}index/${featuresIdentity}/${selection}/`;
}

/** s3:// URI of the features store of a model. */
export function featuresStoreUri(bucket: string, featuresIdentity: string): string {
  return `s3://${bucket}/${featuresStorePrefix}model=${featuresIdentity}/`;
}
