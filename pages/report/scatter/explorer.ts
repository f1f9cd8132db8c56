import type { ReportFigures } from "../../../lambdas/contract/report-figures.ts";
import { plural } from "../../../shared/formatting.ts";
import type { Table } from "../../shared/csv.ts";
import { element } from "../../shared/elements.ts";
import { onThemeChange, theme } from "../../shared/theme.ts";
import { hideTip, showTip } from "../../shared/tip.ts";
import { unpackComponent } from "../unpack.ts";
import { type Components, plotControls } from "./controls.ts";
import { describeImage, type ImageList, imageButton, imageDetails } from "./details.ts";
import { Images } from "./images.ts";
import { Legend } from "./legend.ts";
import { labelColours } from "./palette.ts";
import { Plot } from "./plot.ts";
import { drawingOrder } from "./points.ts";
import { thumbnailsOf } from "./thumbnails.ts";
import type { Coordinates } from "./view.ts";

const mostFound = 20;

/** The scatter plot with all that changes it: components, search, legend and the selected image. */
export class Explorer {
  /** The plot beside the search and the legend. */
  readonly picture: HTMLElement;
  /** The selected image and its nearest ones. */
  readonly details = element("div", { class: "details", "aria-live": "polite", tabindex: -1 });
  readonly #figures: ReportFigures;
  readonly #images: Images;
  readonly #list: ImageList;
  readonly #plot: Plot;
  readonly #legend: Legend;
  readonly #search = element("input", {
    type: "search",
    id: "search",
    placeholder: "Label or path",
    autocomplete: "off",
  });
  readonly #found = element("ol", { class: "image-list", "aria-label": "Images found" });
  readonly #count = element("p", { class: "soft small", role: "status" });
  readonly #components = new Map<number, Float32Array>();

  constructor(figures: ReportFigures) {
    this.#figures = figures;
    this.#images = new Images(figures);
    const thumbnail = thumbnailsOf(figures.thumbnails);
    const onSelect = (image: number) => this.#select(image);
    this.#list = { images: this.#images, thumbnail, onSelect };
    this.#legend = new Legend(figures.labels, () => this.#color());
    const { count, labels } = this.#images;
    const coordinates = this.#coordinates({ x: 0, y: 1 });
    const label = `Scatter plot of ${plural(count, "image")} by principal components; the search finds images by keyboard`;
    this.#plot = new Plot({ coordinates, labels, order: drawingOrder(count) }, label, {
      onHover: (image, x, y) =>
        image === undefined ? hideTip() : showTip(x, y, describeImage(this.#images, image, thumbnail)),
      onSelect,
    });
    this.picture = this.#layOut();
    this.#search.addEventListener("input", () => this.#find());
    onThemeChange(() => this.#color());
    this.#color();
    this.#show({ x: 0, y: 1 });
  }

  /** The coordinates of all images. */
  table(): Table {
    const columns = this.#figures.components.map((_, index) => this.#component(index));
    return {
      name: "components",
      columns: ["path", "label", ...columns.map((_, index) => `PC${index + 1}`)],
      rows: Array.from({ length: this.#images.count }, (_, image) => [
        this.#images.path(image),
        this.#images.label(image),
        ...columns.map((values) => Number((values[image] ?? 0).toPrecision(5))),
      ]),
    };
  }

  /** Shows the image with this path when it is called; undefined if the picture does not have it. */
  linkTo(path: string): (() => void) | undefined {
    const image = this.#images.find(path);
    if (image === undefined) return undefined;
    return () => {
      this.#select(image);
      this.picture.scrollIntoView();
      this.details.focus({ preventScroll: true });
    };
  }

  #layOut(): HTMLElement {
    const count = Math.max(2, this.#figures.components.length);
    const controls = plotControls(this.#plot, count, (components) => this.#show(components));
    const search = element("label", { class: "search" }, "Find ", this.#search);
    return element(
      "div",
      { class: "scatter" },
      element("div", { class: "plot-side" }, controls, this.#plot.element),
      element("div", { class: "side" }, search, this.#legend.element, this.#count, this.#found),
    );
  }

  /** Coordinates on a component, unpacked when it is first shown. All images are at 0 of a component that is missing. */
  #component(index: number): Float32Array {
    const component = this.#figures.components[index];
    const known = this.#components.get(index);
    const values = known ?? (component ? unpackComponent(component) : new Float32Array(this.#images.count));
    this.#components.set(index, values);
    return values;
  }

  #coordinates({ x, y }: Components): Coordinates {
    return { x: this.#component(x), y: this.#component(y) };
  }

  #show(components: Components): void {
    this.#plot.setCoordinates(this.#coordinates(components), [`PC${components.x + 1}`, `PC${components.y + 1}`]);
  }

  #select(image: number): void {
    this.details.replaceChildren(...imageDetails(this.#list, image, this.#figures.sample.images.length));
    const neighbours = this.#images.neighbours(image) ?? [];
    this.#plot.setRings([image, ...neighbours.map((neighbour) => neighbour.image)]);
  }

  /** Colours the labels that are shown, and highlights those that the search finds. */
  #color(): void {
    const wanted = this.#search.value.trim().toLowerCase();
    const matches = this.#figures.labels.map(({ label }) => wanted !== "" && label.toLowerCase().includes(wanted));
    const isMatched = matches.includes(true);
    const colours = labelColours(matches.length, theme());
    this.#legend.setColours(colours);
    this.#legend.filter(isMatched ? (label) => matches[label] ?? false : undefined);
    this.#plot.setLook({
      colours: colours.map((each, label) => (this.#legend.isShown(label) ? each : undefined)),
      highlighted: isMatched ? matches : undefined,
    });
  }

  #find(): void {
    this.#color();
    const wanted = this.#search.value.trim();
    const found = wanted === "" ? [] : this.#images.search(wanted);
    this.#found.replaceChildren(...found.slice(0, mostFound).map((image) => imageButton(this.#list, image)));
    const rest = found.length > mostFound ? `, the first ${mostFound} of which are listed` : "";
    this.#count.textContent = wanted === "" ? "" : `${plural(found.length, "image")} found${rest}`;
  }
}
