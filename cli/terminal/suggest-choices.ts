import { type CommandUnknownOpts, InvalidArgumentError } from "@commander-js/extra-typings";
import { nearestNames } from "../../shared/nearest-names.ts";

/** An option or an argument whose choices commander knows. */
type Choosable = CommandUnknownOpts["options" | "registeredArguments"][number];

/** The options that have been changed already, because commands share some of them. */
const suggesting = new WeakSet<Choosable>();

/** Lets a wrong choice be answered with the nearest one. Commander does so only for the names of commands and options. */
export function suggestChoices({ options, registeredArguments }: CommandUnknownOpts): void {
  for (const choosable of [...options, ...registeredArguments]) {
    const { argChoices, parseArg } = choosable;
    if (!argChoices || !parseArg || suggesting.has(choosable)) continue;
    suggesting.add(choosable);
    choosable.parseArg = <T>(value: string, previous: T): T => {
      try {
        return parseArg(value, previous);
      } catch (error) {
        const [nearest] = nearestNames(value, argChoices, 1);
        if (!(error instanceof InvalidArgumentError) || nearest === undefined) throw error;
        throw new InvalidArgumentError(`${error.message} Did you mean ${nearest}?`);
      }
    };
  }
}
