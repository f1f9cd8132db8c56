/** The package ships no types of its own. */
declare module "asl-validator" {
  interface Options {
    readonly checkPaths?: boolean;
    readonly checkArn?: boolean;
  }
  interface Answer {
    readonly isValid: boolean;
    readonly errorsText: (separator?: string) => string;
  }
  // biome-ignore lint/style/noDefaultExport: this is how the package exports it
  export default function aslValidator(definition: object, options?: Options): Answer;
}
