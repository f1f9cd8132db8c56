import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { fillPage } from "../../shared/fill-page.ts";

const template = '<script id="data">{{data}}</script>';

it("leaves nothing of the data that HTML could read as markup, and all of it to unpack", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom("</script>", "{{data}}", "$&", "<!--"))), (names) => {
      const [, data = ""] = /^<script id="data">([A-Za-z0-9+/=]+)<\/script>$/.exec(fillPage(template, { names })) ?? [];

      expect(JSON.parse(gunzipSync(Buffer.from(data, "base64")).toString())).toEqual({ names });
    }),
  );
});

it("refuses a template without a place for the data", () => {
  expect(() => fillPage("<html></html>", {})).toThrow("The page's template lacks {{data}}");
});
