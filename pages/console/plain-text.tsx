import type { ComponentChildren, Ref } from "preact";

interface Props {
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly frame?: Ref<HTMLPreElement>;
  readonly onScroll?: (event: { readonly currentTarget: HTMLElement }) => void;
}

/** A text with its line breaks, which may be larger than its place on the page. */
export function PlainText({ children, class: className, frame, onScroll }: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a place that scrolls must be reachable by the keyboard
    <pre class={className} ref={frame} tabIndex={0} onScroll={onScroll}>
      {children}
    </pre>
  );
}
