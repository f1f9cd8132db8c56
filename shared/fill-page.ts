import { gzipSync } from "node:zlib";

const place = "{{data}}";

/**
 * Puts data into a page of pages/. Base64 has no character with a meaning in HTML, so no name in the data can become
 * markup or a script.
 *
 * @throws Error if the template has no place for the data
 */
export function fillPage(template: string, data: object): string {
  if (!template.includes(place)) throw new Error(`The page's template lacks ${place}`);
  return template.replace(place, gzipSync(JSON.stringify(data), { level: 9 }).toString("base64"));
}
