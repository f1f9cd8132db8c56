import { z } from "zod";
import { modelWeights } from "./choices.ts";

/** Formats of a model's file, which are also the endings of its name: a LiteRT flat buffer. */
const modelFormats = ["tflite"] as const;
/** Names the scaling of pixels that the model expects, as `keras.applications.imagenet_utils` does. */
const preprocessings = ["tf", "torch", "caffe", "none"] as const;
/** Order of the input's dimensions: images, height, width, channels, or images, channels, height, width. */
const tensorLayouts = ["NHWC", "NCHW"] as const;

/**
 * The keys of model.json on which runs depend. spark/make_model.py writes the file beside the model. The defaults describe
 * MobileNetV2, because older descriptions lack some keys.
 */
export const modelDescriptionSchema = z.object({
  name: z.string().min(1).max(200).default("MobileNetV2"),
  weights: z.enum(modelWeights),
  /** Width and height of the model's input, in pixels. */
  inputSize: z.int().min(1).default(224),
  /** Number of features of an image. */
  dimensions: z.int().min(1).default(1280),
  format: z.enum(modelFormats).default("tflite"),
  preprocessing: z.enum(preprocessings).default("tf"),
  layout: z.enum(tensorLayouts).default("NHWC"),
  /** Time that an image takes relative to MobileNetV2, as measured when the model was made. */
  relativeTime: z.number().positive().default(1),
});
export type ModelDescription = Readonly<z.output<typeof modelDescriptionSchema>>;
