import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expressionProblem, isOver } from "../../../infra/config/schedule-expression.ts";

describe("expressionProblem", () => {
  it.each([
    "cron(0 3 ? * MON *)",
    "cron(15 10 ? * 6L 2026-2030)",
    "cron(0/15 8-18 ? * MON-FRI *)",
    "cron(0 9,17 1W JAN,7 ? *)",
    "cron(0 12 L * ? 2030/2)",
    "cron(0 8 ? * 3#2 *)",
    "rate(1 day)",
    "rate(90 minutes)",
    "at(2030-01-31T03:00:00)",
  ])("takes %s", (expression) => {
    expect(expressionProblem(expression)).toBeUndefined();
  });

  it.each([
    ["every monday", "none of cron(…), rate(…) and at(…)"],
    ["cron()", "none of"],
    ["cron(0 3 * * *)", "six fields"],
    ["cron(60 3 ? * MON *)", "minutes allows values from 0 to 59"],
    ["cron(0 24 ? * MON *)", "hours allows values from 0 to 23"],
    ["cron(0 3 0 * ? *)", "day of the month"],
    ["cron(0 3 ? MOON * *)", "month"],
    ["cron(0 3 ? * 8 *)", "day of the week"],
    ["cron(0 3 ? * MON 1969)", "year"],
    ["cron(0/0 3 ? * MON *)", "minutes"],
    ["cron(0 3 * * * *)", "must be ?"],
    ["cron(0 3 ? * ? *)", "must be ?"],
    ["rate(0 days)", "whole number"],
    ["rate(7 weeks)", "minutes, hours or days"],
    ["at(2030-02-30T03:00:00)", "2030-01-31T03:00:00"],
    ["at(2030-01-31 03:00)", "2030-01-31T03:00:00"],
  ])("says why %s is invalid", (expression, reason) => {
    expect(expressionProblem(expression)).toContain(reason);
  });

  it("takes lists, ranges and steps of each field's values", () => {
    const field = (min: number, max: number) => {
      const value = fc.integer({ min, max });
      const range = fc.tuple(value, value).map(([one, other]) => `${Math.min(one, other)}-${Math.max(one, other)}`);
      const item = fc.oneof(fc.constant("*"), value.map(String), range);
      const stepped = fc
        .tuple(item, fc.option(fc.integer({ min: 1, max: 30 })))
        .map(([text, step]) => (step === null ? text : `${text}/${step}`));
      return fc.array(stepped, { minLength: 1, maxLength: 3 }).map((items) => items.join(","));
    };
    const fields = fc.tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(1970, 2199));
    fc.assert(
      fc.property(fields, ([minutes, hours, days, months, years]) => {
        expect(expressionProblem(`cron(${minutes} ${hours} ${days} ${months} ? ${years})`)).toBeUndefined();
      }),
    );
  });
});

describe("isOver", () => {
  const now = new Date("2026-07-01T12:00:00Z");

  it("compares a time with the clock of its zone", () => {
    expect(isOver("at(2026-07-01T13:00:00)", "UTC", now)).toBe(false);
    expect(isOver("at(2026-07-01T13:00:00)", "Europe/Paris", now)).toBe(true);
    expect(isOver("at(2026-07-01T11:00:00)", "UTC", now)).toBe(true);
    expect(isOver("at(2026-07-01T11:00:00)", "America/New_York", now)).toBe(false);
  });

  it("is never true of what repeats", () => {
    expect(isOver("rate(1 day)", "UTC", now)).toBe(false);
    expect(isOver("cron(0 3 ? * MON 2020)", "UTC", now)).toBe(false);
  });
});
