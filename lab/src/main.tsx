// The page: the header, the route that the address names, and what the engine says of itself.
import { render, type JSX } from "preact";
import { addressOf, useAddress } from "./address.ts";
import type { Route } from "./routes/route.ts";
import { useEngine } from "./worker/client.ts";

const files = import.meta.glob<{ route: Route }>("./routes/*.tsx", { eager: true });
const routes = Object.values(files)
  .map(({ route }) => route)
  .sort((a, b) => a.order - b.order);

function Header({ current }: { current: Route }): JSX.Element {
  return (
    <header class="top">
      <button
        type="button"
        class="skip"
        onClick={() => document.querySelector<HTMLElement>("h1")?.focus()}
      >
        Skip to the section
      </button>
      <span class="brand">Fiducial lab</span>
      <nav aria-label="Routes">
        {routes.map(({ id, title }) => (
          <a
            key={id}
            href={addressOf(id, "")}
            aria-current={id === current.id ? "page" : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
    </header>
  );
}
function Footer(): JSX.Element {
  const { value, error } = useEngine("about", {});
  return (
    <footer class="bottom" aria-live="off">
      {value && (
        <p>
          Computed by Fiducial {value.version} in this tab: {value.backend}, {value.threads}{" "}
          {value.threads === 1 ? "thread" : "threads"}. Nothing leaves it.
        </p>
      )}
      {value?.notes.map((note) => (
        <p key={note}>{note}</p>
      ))}
      {error !== undefined && <p class="failure">{error}</p>}
    </footer>
  );
}

function Page(): JSX.Element {
  const { route: id, section } = useAddress();
  const current = routes.find((r) => r.id === id) ?? routes[0];
  return (
    <>
      <Header current={current} />
      <current.View section={section} />
      <Footer />
    </>
  );
}

render(<Page />, document.getElementById("lab")!);
