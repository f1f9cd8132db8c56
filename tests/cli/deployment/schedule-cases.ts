// Tests of orchard schedule, on the account of deploy.test.ts, whose stack has this schedule.
import { describe, expect, it } from "vitest";

export const scheduleKnobs = [
  ...["-c", "scheduleExpression=cron(0 3 ? * MON *)"],
  ...["-c", 'scheduleInput={"mode":"inventory"}', "-c", "scheduleOverlap=queue"],
] as const;

interface Ended {
  readonly exitCode?: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param orchard runs a command to its end */
export function scheduleCases(orchard: (...args: readonly string[]) => PromiseLike<Ended>): void {
  const json = async (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await orchard("schedule", ...args, "--json");
    expect(exitCode, stderr).toBe(0);
    return JSON.parse(stdout);
  };
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

    it("changes what the options name, and leaves the rest", async () => {
      const { exitCode, stdout } = await orchard("schedule", "--disable", "--time-zone", "Europe/Paris", "--yes");

      expect(stdout).toMatch(/ State +ENABLED → DISABLED\n Expression +cron/);
      expect(exitCode).toBe(0);
      const paused = { ...deployed, state: "DISABLED", timeZone: "Europe/Paris" };
      expect(await json()).toMatchObject(paused);
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
        [["--expression", "cron(0 3 * * *)"], "cron has six fields"],
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
