/** `npm run test:deep`: everything that `npm test` only samples, or leaves out because a faster test covers it. */
export const isDeep = process.env["ORCHARD_DEEP"] === "1";
