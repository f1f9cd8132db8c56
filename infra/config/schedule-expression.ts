// The syntax of EventBridge Scheduler: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html

/** Says which expressions are allowed. */
export const allowedExpressions = "cron(0 3 ? * MON *), rate(7 days) or at(2030-01-31T03:00:00)";

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names of the values, from `min` on. */
  readonly names?: readonly string[];
  /** Values that only this field has. */
  readonly special?: RegExp;
}

const months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const days = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const cronFields: readonly Field[] = [
  { name: "minutes", min: 0, max: 59 },
  { name: "hours", min: 0, max: 23 },
  { name: "day of the month", min: 1, max: 31, special: /^(\?|L|LW|L-\d+|\d+W)$/ },
  { name: "month", min: 1, max: 12, names: months },
  { name: "day of the week", min: 1, max: 7, names: days, special: /^(\?|L|[1-7A-Z]{1,3}(L|#[1-5]))$/ },
  { name: "year", min: 1970, max: 2199 },
];

/** Says why an expression is invalid; undefined when Scheduler takes it. */
export function expressionProblem(expression: string): string | undefined {
  const [, kind, text = ""] = /^(cron|rate|at)\((.+)\)$/.exec(expression) ?? [];
  if (kind === undefined) return "it is none of cron(…), rate(…) and at(…)";
  if (kind === "cron") return cronProblem(text.trim().split(/\s+/));
  if (kind === "rate") {
    return /^[1-9]\d* (minutes?|hours?|days?)$/.test(text)
      ? undefined
      : "a rate is a whole number and minutes, hours or days";
  }
  // Date moves February 30 to March, so that the text differs.
  const isDate = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text) && toSeconds(new Date(`${text}Z`)) === text;
  return isDate ? undefined : "a time is written as 2030-01-31T03:00:00";
}

function cronProblem(fields: readonly string[]): string | undefined {
  if (fields.length !== cronFields.length) {
    return `cron has six fields (${cronFields.map(({ name }) => name).join(", ")}), not ${fields.length}`;
  }
  const wrong = cronFields.find((field, index) => !isField(fields[index] ?? "", field));
  if (wrong)
    return `the field for the ${wrong.name} allows values from ${wrong.min} to ${wrong.max}, lists, ranges and steps`;
  return (fields[2] === "?") === (fields[4] === "?")
    ? "either the day of the month or the day of the week must be ?, and not both"
    : undefined;
}

function isField(text: string, field: Field): boolean {
  if (field.special?.test(text)) return true;
  return text.split(",").every((item) => {
    const [range = "", step, ...more] = item.split("/");
    if (more.length > 0 || (step !== undefined && !/^[1-9]\d*$/.test(step))) return false;
    const ends = range.split("-");
    return range === "*" || (ends.length <= 2 && ends.every((end) => isValue(end, field)));
  });
}

function isValue(text: string, { min, max, names = [] }: Field): boolean {
  if (names.includes(text.toUpperCase())) return true;
  return /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max;
}

/** Whether at(…) names a time that is over in its zone. */
export function isOver(expression: string, timeZone: string, now: Date): boolean {
  const [, at] = /^at\((.+)\)$/.exec(expression) ?? [];
  // Sweden writes dates as ISO 8601 does.
  return at !== undefined && at.replace("T", " ") <= now.toLocaleString("sv-SE", { timeZone });
}

function toSeconds(time: Date): string | undefined {
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString().slice(0, 19);
}
