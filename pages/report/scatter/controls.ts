import { element } from "../../shared/elements.ts";
import type { Plot } from "./plot.ts";

export interface Components {
  readonly x: number;
  readonly y: number;
}

function componentSelect(id: string, count: number, chosen: number): HTMLSelectElement {
  const options = Array.from({ length: count }, (_, index) =>
    element("option", { value: index, selected: index === chosen }, `PC${index + 1}`),
  );
  return element("select", { id }, ...options);
}

/** The choice of two components, and the zoom by buttons. */
export function plotControls(plot: Plot, count: number, onChange: (components: Components) => void): HTMLElement {
  const across = componentSelect("x-component", count, 0);
  const up = componentSelect("y-component", count, 1);
  const change = () => onChange({ x: Number(across.value), y: Number(up.value) });
  for (const each of [across, up]) each.addEventListener("change", change);
  return element(
    "div",
    { class: "controls" },
    element("label", {}, "Across ", across),
    element("label", {}, "Up ", up),
    element(
      "div",
      { class: "zoom-buttons" },
      element("button", { type: "button", "aria-label": "Zoom in", click: () => plot.zoomBy(1.5) }, "+"),
      element("button", { type: "button", "aria-label": "Zoom out", click: () => plot.zoomBy(1 / 1.5) }, "−"),
      element("button", { type: "button", click: () => plot.reset() }, "Reset"),
    ),
  );
}
