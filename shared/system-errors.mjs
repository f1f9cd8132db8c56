// Errors of the operating system. In plain JavaScript because the setup runs before node_modules exists.

/**
 * Whether an error comes from the operating system, with a code such as ENOENT.
 * @param {unknown} error
 * @returns {error is Error & { readonly code: unknown }}
 */
export function isSystemError(error) {
  return error instanceof Error && "code" in error;
}

/**
 * Whether an error of the operating system has one of these codes.
 * @param {unknown} error
 * @param {readonly string[]} codes
 */
export function hasCode(error, ...codes) {
  return isSystemError(error) && codes.some((code) => error.code === code);
}
