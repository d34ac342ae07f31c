// The report of an audit, drawn by the project's own renderer and shown in a tree of its own, so
// that its style and the lab's do not meet.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** The report's style, for a part of a page instead of a page. */
const ownStyle = (css: string): string =>
  css
    .replaceAll(":root", ":host")
    .replace(/(^|[\s}])body\{/g, "$1:host{display:block;")
    .replace(/(^|[\s}])main\{/g, "$1.report-main{");

/** What a link within the report leads to: the address of the page says something else. */
function follow(e: Event, root: ShadowRoot): void {
  const link = (e.target as Element).closest("a");
  const place = link?.getAttribute("href") ?? "";
  if (!place.startsWith("#")) return;
  e.preventDefault();
  root.getElementById(decodeURIComponent(place.slice(1)))?.scrollIntoView();
}

function show(root: ShadowRoot, html: string): void {
  const [whole = "", css = ""] = /<style>([^<]*)<\/style>/.exec(html) ?? [];
  // the page's policy takes no style from text, but sheets and properties that a script sets
  const plain = html.replace(whole, "").replaceAll(' style="', ' data-style="');
  const page = new DOMParser().parseFromString(plain, "text/html");
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(ownStyle(css));
  root.adoptedStyleSheets = [sheet];
  const main = page.querySelector("main")!;
  const part = page.createElement("div");
  part.className = "report-main";
  part.append(...main.childNodes);
  main.replaceWith(part);
  root.replaceChildren(...page.body.childNodes);
  for (const element of root.querySelectorAll<HTMLElement>("[data-style]"))
    element.style.cssText = element.dataset.style!;
}

export function Report({ html, label }: { html: string; label: string }): JSX.Element {
  const host = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!host.current) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    show(root, html);
    const listen = (e: Event): void => follow(e, root);
    root.addEventListener("click", listen);
    return () => root.removeEventListener("click", listen);
  }, [html]);
  return <section class="report" aria-label={label} ref={host} />;
}
