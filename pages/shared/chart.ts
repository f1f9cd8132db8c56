import { type Axis, type AxisDomain, axisBottom, axisLeft } from "d3-axis";
import type { ScaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { element, svgElement } from "./elements.ts";

export interface Drawing {
  readonly height: number;
  readonly shapes: readonly SVGElement[];
}

/**
 * A picture that is drawn anew when its width changes, so that text keeps its size. Its colours are styles, so a change
 * of the theme needs no drawing. An element of it with the attribute data-tip shows that text below the pointer.
 *
 * @param label describes the picture to a screen reader, which gets the numbers from the table below it
 */
export function chart(label: string, draw: (width: number) => Drawing): HTMLElement {
  const svg = svgElement("svg", { role: "img", "aria-label": label, width: "100%" });
  const holder = element("div", { class: "chart" }, svg);
  let drawn = 0;
  new ResizeObserver(() => {
    const width = Math.floor(holder.clientWidth);
    if (width === 0 || width === drawn) return;
    drawn = width;
    const { height, shapes } = draw(width);
    svg.replaceChildren(...shapes);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }).observe(holder);
  return holder;
}

/** An axis whose origin is at this position. */
export function axisAt<Domain extends AxisDomain>(left: number, top: number, axis: Axis<Domain>): SVGElement {
  const group = svgElement("g", { class: "axis", transform: `translate(${left},${top})` });
  select<SVGGElement, unknown>(group).call(axis.tickSizeOuter(0));
  return group;
}

/** The axes of shares from 0 to 1 over the numbers of components, which `ticks` has. */
export function shareAxes(
  x: ScaleLinear<number, number>,
  y: ScaleLinear<number, number>,
  ticks: readonly number[],
  format: (share: number, digits: number) => string,
): readonly SVGElement[] {
  const shares = axisLeft(y)
    .ticks(5)
    .tickFormat((tick) => format(Number(tick), 0));
  const [left = 0] = x.range();
  return [axisAt(0, y(0), axisBottom(x).tickValues(ticks).tickFormat(String)), axisAt(left, 0, shares)];
}

/** Shortens a label of an axis. */
export function shorten(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}
