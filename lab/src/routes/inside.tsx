// /inside: a network opened up, a section at a time.
import type { JSX } from "preact";
import { addressOf } from "../address.ts";
import { Chapter } from "../parts/Chapter.tsx";
import { sections } from "../sections/index.ts";
import type { Route } from "./route.ts";

const beyond = { title: "k-space", href: addressOf("break", "kspace") };

function Inside({ section }: { section: string }): JSX.Element {
  const current = Math.max(
    0,
    sections.findIndex(({ id }) => id === section),
  );
  return (
    <Chapter
      {...{ sections, current }}
      first={1}
      linkTo={(id) => addressOf("inside", id)}
      beyond={beyond}
    />
  );
}

export const route: Route = { id: "inside", title: "Inside a network", order: 1, View: Inside };
