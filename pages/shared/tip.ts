import { element } from "./elements.ts";

const tip = element("div", { class: "tip", hidden: true, "aria-hidden": "true" });

/** Shows content beside a point of the window, inside of it. */
export function showTip(x: number, y: number, ...content: readonly (Node | string)[]): void {
  tip.replaceChildren(...content);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = x + 14 + width > document.documentElement.clientWidth ? x - 14 - width : x + 14;
  const top = y + 14 + height > document.documentElement.clientHeight ? y - 14 - height : y + 14;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}

export function hideTip(): void {
  tip.hidden = true;
}

/** Lets every element with data-tip show its text. */
export function installTips(): void {
  document.body.append(tip);
  document.addEventListener("pointermove", ({ target, clientX, clientY }) => {
    const text = target instanceof Element ? target.closest("[data-tip]")?.getAttribute("data-tip") : undefined;
    if (text) showTip(clientX, clientY, element("bdi", {}, text));
    else if (!(target instanceof HTMLCanvasElement)) hideTip();
  });
}
