import { element } from "./elements.ts";

export type Theme = "light" | "dark";

const listeners = new Set<() => void>();
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

/** The theme that the page has now. */
export function theme(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  if (chosen === "light" || chosen === "dark") return chosen;
  return prefersDark.matches ? "dark" : "light";
}

function notify(): void {
  for (const listener of listeners) listener();
}

prefersDark.addEventListener("change", notify);

/** Calls back after each change of the colours, so that canvases can be drawn again. */
export function onThemeChange(listener: () => void): void {
  listeners.add(listener);
}

export function setTheme(theme: Theme | undefined): void {
  if (theme) document.documentElement.dataset["theme"] = theme;
  else delete document.documentElement.dataset["theme"];
  notify();
}

/** A button that changes between light and dark; until it is pressed, the system's preference counts. */
export function themeButton(): HTMLButtonElement {
  const button = element("button", { type: "button", class: "quiet", id: "theme" });
  const describe = () => {
    button.textContent = theme() === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Use ${theme() === "dark" ? "light" : "dark"} colours`);
  };
  button.addEventListener("click", () => setTheme(theme() === "dark" ? "light" : "dark"));
  onThemeChange(describe);
  describe();
  return button;
}

/** The value of a colour of tokens.css in the current theme, as canvases take it. */
export function colour(token: string): string {
  const probe = element("span");
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
