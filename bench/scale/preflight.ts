// Lists an image tree as Preflight does, through the SDK and HTTP. node bench/scale/preflight.ts <endpoint> prints
// {"images", "isEstimated", "seconds", "processorSeconds", "peakMb"}; peakMb is the peak of the whole process.
import { S3Client } from "@aws-sdk/client-s3";
import { listImages } from "../../lambdas/preflight/list-images.ts";
import { Selector } from "../../lambdas/preflight/selection.ts";

const [endpoint = ""] = process.argv.slice(2);
const tree = "s3://bucket/data/raw/";
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const s3 = new S3Client({ endpoint, region: "eu-west-1", forcePathStyle: true, credentials });
const selectionRule = { labelPrefix: null, label: null, limit: null };
const selector = new Selector(tree, null);

const startedMs = performance.now();
const request = { layout: null, splits: null, defaultSplit: null, selectionRule };
const listing = await listImages(s3, tree, request, (image) => selector.add(image));
const { counts } = selector.select(listing);
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
console.log(
  JSON.stringify({
    images: counts.images,
    isEstimated: counts.estimated === true,
    seconds: Number(((performance.now() - startedMs) / 1_000).toFixed(2)),
    processorSeconds: Number(((userCPUTime + systemCPUTime) / 1e6).toFixed(2)),
    peakMb: Math.round(maxRSS / 1_024),
  }),
);
s3.destroy();
