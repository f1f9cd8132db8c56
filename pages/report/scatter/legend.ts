import { formatCount } from "../../../shared/formatting.ts";
import { element, name } from "../../shared/elements.ts";
import { cssColour, type Rgb } from "./palette.ts";

interface LegendLabel {
  readonly label: string;
  readonly images: number;
}

/** The labels with their colours. Each can be hidden, and a search shortens the list. */
export class Legend {
  readonly element: HTMLElement;
  readonly #rows: readonly HTMLElement[];
  readonly #boxes: readonly HTMLInputElement[];
  readonly #swatches: readonly HTMLElement[];

  constructor(labels: readonly LegendLabel[], onChange: () => void) {
    this.#boxes = labels.map(() => element("input", { type: "checkbox", checked: true, change: onChange }));
    this.#swatches = labels.map(() => element("span", { class: "swatch", "aria-hidden": "true" }));
    this.#rows = labels.map(({ label, images }, index) =>
      element(
        "li",
        {},
        element(
          "label",
          {},
          this.#boxes[index],
          this.#swatches[index],
          name(label),
          element("span", { class: "soft" }, formatCount(images)),
        ),
      ),
    );
    const all = (checked: boolean) => () => {
      for (const [index, box] of this.#boxes.entries()) if (!this.#rows[index]?.hidden) box.checked = checked;
      onChange();
    };
    this.element = element(
      "div",
      { class: "legend", role: "group", "aria-label": "Labels that are shown" },
      element(
        "div",
        { class: "legend-buttons" },
        element("button", { type: "button", class: "quiet", click: all(true) }, "Show all"),
        element("button", { type: "button", class: "quiet", click: all(false) }, "Hide all"),
      ),
      element("ul", { class: "legend-rows", tabindex: 0, "aria-label": "Labels" }, ...this.#rows),
    );
  }

  isShown(label: number): boolean {
    return this.#boxes[label]?.checked ?? false;
  }

  setColours(colours: readonly Rgb[]): void {
    this.#swatches.forEach((swatch, index) => {
      swatch.style.background = cssColour(colours[index] ?? [128, 128, 128]);
    });
  }

  /** Lists only these labels; undefined lists all. */
  filter(isListed: ((label: number) => boolean) | undefined): void {
    this.#rows.forEach((row, index) => {
      row.hidden = isListed ? !isListed(index) : false;
    });
  }
}
