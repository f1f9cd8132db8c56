import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../cli/toolchain/places.ts";

const page = readFileSync(join(root, "docs", "architecture.md"), "utf8");

/** Words in code spans that name a file or a folder of the repository, from its root. */
function pathsIn(markdown: string): readonly string[] {
  const spans = [...markdown.matchAll(/`([^`\s]+)`/g)].map(([, span = ""]) => span);
  return spans.filter(
    (span) => /^[\w.-]+(\/[\w.-]+)*(\/|\.(ts|py|mjs|json|md))$/.test(span) && !span.includes("node_modules"),
  );
}

/** Files that exist only in a run or beside a model, not in the repository. */
const generated = new Set(["model.json", "plan.json", "manifest.json"]);

function folders(parent: string): readonly string[] {
  return readdirSync(join(root, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("_"))
    .map(({ name }) => `${parent}/${name}/`);
}

describe("docs/architecture.md", () => {
  const paths = pathsIn(page).filter((path) => !generated.has(path));

  it("names files", () => {
    expect(paths.length).toBeGreaterThan(40);
  });

  it.each([...new Set(paths)])("names %s, which exists", (path) => {
    expect(existsSync(join(root, path))).toBe(true);
  });

  it.each(["lambdas", "infra", "spark/orchard", "cli", "local", "pages"])("has every room of %s", (parent) => {
    expect(folders(parent).filter((folder) => !page.includes(`\`${folder}`))).toEqual([]);
  });
});

describe("links", () => {
  const documents = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`);

  it.each(["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", ...documents])(
    "of %s lead to files",
    (file) => {
      const text = readFileSync(join(root, file), "utf8").replaceAll(/`[^`]*`/g, "");
      const targets = [...text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(([, target = ""]) => target);
      const missing = targets
        .filter((target) => !target.includes(":"))
        .filter((target) => !existsSync(join(root, dirname(file), target)));

      expect(missing).toEqual([]);
    },
  );
});
