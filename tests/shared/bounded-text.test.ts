import fc from "fast-check";
import { expect, test } from "vitest";
import { cutList, cutMessage, cutText, oneLine, quoteValue, withoutControls } from "../../shared/bounded-text.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 500 }),
  fc.string({ unit: "grapheme", maxLength: 500 }),
);

test("a text is cut to 200 characters, and none of them in half", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const cut = cutText(text);
      expect(cut.length).toBeLessThanOrEqual(200);
      if (text.isWellFormed()) expect(cut.isWellFormed()).toBe(true);
      if (text.length <= 200) expect(cut).toBe(text);
    }),
    { examples: [[`${"a".repeat(198)}\u{1f34e}\u{1f34e}`]] },
  );
  expect(quoteValue({ a: "b" })).toBe('{"a":"b"}');
  expect(quoteValue(undefined)).toBe("undefined");
  expect(quoteValue("x".repeat(300))).toBe(`"${"x".repeat(198)}…`);
});

test("a list is cut to 20 items", () => {
  expect(cutList(["a", "b"])).toEqual(["a", "b"]);
  expect(cutList(Array.from({ length: 3_000 }, () => "a")).slice(19)).toEqual(["a", "… and 2,980 more"]);
});

test("a message is cut to 8 KiB of UTF-8", () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 0, max: 100 }), (text, count) => {
      const message = text.repeat(count);
      const cut = cutMessage(message);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(8_192);
      if (Buffer.byteLength(message) <= 8_192) expect(cut).toBe(message);
    }),
  );
});

test("one line is left of a message, whatever ends its lines", () => {
  expect(oneLine("a\r\nb\n\n  c")).toBe("a b c");
  expect(oneLine("2 problems:\n- a\n \n- b\nand c")).toBe("2 problems: a; b and c");
  expect(oneLine("a\u2028b\u0085c\u001b[2Jd\u202ee\rf")).toBe("a b c [2Jd e f");
  fc.assert(
    fc.property(anyText, (text) => {
      expect(oneLine(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]|^ | {2}| $/u);
      expect(withoutControls(text)).toHaveLength(text.length);
    }),
  );
});

test("a message of many lines is put on one line by a single pass", () => {
  // With patterns that backtrack, this took minutes.
  expect(oneLine("\n".repeat(1_000_000))).toBe("");
  expect(oneLine(`${" \n".repeat(500_000)}x`)).toBe("x");
  expect(oneLine("a:\n- b\n".repeat(100_000))).toHaveLength(500_000 - 1);
});
