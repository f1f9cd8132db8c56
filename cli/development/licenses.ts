import { Command } from "@commander-js/extra-typings";
import { CommandFailed } from "../terminal/command-errors.ts";
import { beginWork } from "../terminal/lifetime.ts";
import { findProblems, toSpdx } from "../toolchain/license-check.ts";
import { type ShippedPackage, shippedPackages, unshippedNpmPackages } from "../toolchain/shipped-packages.ts";

function describePackage(entry: ShippedPackage): string {
  return `  ${entry.ecosystem} ${entry.name} ${entry.version}: ${toSpdx(entry) ?? (entry.license || "unknown")}\n`;
}

export const command = new Command("licenses")
  .description("list the licenses of all packages that are shipped, and fail on those which this project must not ship")
  .action(() => {
    beginWork();
    const shipped = shippedPackages();
    const others = unshippedNpmPackages(shipped);
    const restricted = others.filter((entry) => findProblems([entry]).length > 0);
    process.stdout.write(`Shipped in the functions and the wheelhouse:\n${shipped.map(describePackage).join("")}`);
    process.stdout.write(
      `Not shipped: ${others.length} npm packages of the command line and the development tools, the packages of local/requirements.txt, bench/requirements.txt and cli/notebook/requirements.txt, and the jars of local/jars.sha256 (EMR has its own).\n`,
    );
    process.stdout.write(
      `Of these npm packages, the following could not be shipped. The checker of IAM policies (@cloud-copilot/iam-simulate, AGPL) is a development tool only:\n${restricted.map(describePackage).join("")}`,
    );
    const problems = findProblems(shipped);
    if (problems.length > 0) {
      throw new CommandFailed(
        `An Apache-2.0 project cannot ship these packages; replace them, or correct what they declare in cli/toolchain/license-check.ts:\n${problems.join("\n")}`,
      );
    }
  });
