import { Command } from "@commander-js/extra-typings";
import { nearestNames } from "../../shared/nearest-names.ts";
import { groups } from "../terminal/command-groups.ts";
import { command as down } from "./embedded-account/down.ts";
import { command as reset } from "./embedded-account/reset.ts";
import { command as status } from "./embedded-account/status.ts";
import { command as up } from "./embedded-account/up.ts";

export const command = new Command("local")
  .helpGroup(groups.laptop)
  .summary("run, look at, end and empty the embedded account")
  .description("run, look at, end and empty the embedded account of this folder; without a command: up")
  .helpCommand(false)
  .addHelpText("after", "\nIts options: orchard local up --help");
// Commander passes the options of `orchard local` on to `up`.
command.addCommand(up, { isDefault: true }).addCommand(down).addCommand(status).addCommand(reset);
// Refuse a misspelled command here. Commander would pass it on to `up`, which would report one argument too many.
command.hook("preSubcommand", ({ args: [word = "-"] }) => {
  const names = command.commands.map((each) => each.name());
  if (word.startsWith("-") || names.includes(word)) return;
  const [nearest] = nearestNames(word, names, 1);
  const hint = nearest === undefined ? "" : `\n(Did you mean ${nearest}?)`;
  command.error(`error: unknown command '${word}'${hint}`, { code: "commander.unknownCommand" });
});
