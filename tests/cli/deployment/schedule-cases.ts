// Tests of orchard schedule, on the account of deploy.test.ts, whose stack has this schedule.
import { describe, expect, it } from "vitest";
import { orchard, json as printedJson } from "../account/account-commands.ts";
import type { EmptyAccount } from "../account/empty-account.ts";
import { Transcripts } from "../transcripts/transcripts.ts";

export const scheduleKnobs = [
  ...["-c", "scheduleExpression=cron(0 3 ? * MON *)"],
  ...["-c", 'scheduleInput={"mode":"inventory"}', "-c", "scheduleOverlap=queue"],
] as const;

export function scheduleCases(account: () => EmptyAccount): void {
  const json = (...args: readonly string[]) => printedJson("schedule", ...args);
  const deployed = {
    changed: false,
    state: "ENABLED",
    expression: "cron(0 3 ? * MON *)",
    timeZone: "UTC",
    input: { mode: "inventory", overlap: "queue" },
  };

  describe("orchard schedule", () => {
    it("shows the deployed schedule", async () => {
      const { exitCode, stdout } = await orchard("schedule");

      expect(stdout).toMatch(/^ State +ENABLED\n Expression +cron\(0 3 \? \* MON \*\)\n Time zone +UTC$/m);
      expect(stdout).toContain('{"mode":"inventory","overlap":"queue"}');
      expect(exitCode).toBe(0);
      expect(await json()).toMatchObject(deployed);
    });

    it("changes what the options name, as in docs/cli.md, and leaves the rest", async () => {
      await new Transcripts(account()).play("schedule");
      const paused = { ...deployed, state: "DISABLED", timeZone: "Europe/Paris" };
      const input = await json("--mode", "single-class", "--label", "Apple", "--yes");
      expect(input).toMatchObject({
        ...paused,
        changed: true,
        input: { mode: "single-class", label: "Apple", overlap: "queue" },
      });
      expect(await json("--enable", "--expression", "cron(0 4 ? * TUE *)", "--yes")).toMatchObject({
        ...input,
        state: "ENABLED",
        expression: "cron(0 4 ? * TUE *)",
      });
      expect((await json("--enable", "--expression", "cron(0 4 ? * TUE *)")).changed).toBe(false);
    });

    it("refuses what is invalid before it changes anything, with exit code 2", async () => {
      const before = await json();
      const cases: readonly (readonly [readonly string[], string])[] = [
        [["--expression", "at(2020-01-01T00:00:00)"], "at(2020-01-01T00:00:00) in Europe/Paris is over"],
        [["--time-zone", "Paris"], "an IANA time zone, such as Europe/Paris"],
        [["--mode", "full", "--keep-minutes", "100000"], "keepMinutes"],
        [["--enable", "--disable"], "cannot be used with"],
        [["--disable"], "Confirm with --yes"],
      ];
      for (const [args, message] of cases) {
        const yes = message.includes("--yes") ? [] : ["--yes"];
        const { exitCode, stderr } = await orchard("schedule", ...args, ...yes);

        expect(stderr).toContain(message);
        expect(exitCode).toBe(2);
      }
      expect(await json()).toEqual(before);
    });
  });
}
