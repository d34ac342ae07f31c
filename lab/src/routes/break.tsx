// /break: a reconstruction broken, a section at a time; the experiment goes from one to the next.
import type { JSX } from "preact";
import { formatAddress, useAddress } from "../address.ts";
import "../break.css";
import { Chapter } from "../parts/Chapter.tsx";
import { breakSections as sections } from "../sections/break.ts";
import { carried } from "../sections/experiment.ts";
import type { Route } from "./route.ts";

/** /inside has the ten before. */
const FIRST = 11;

function Break({ section }: { section: string }): JSX.Element {
  const { settings } = useAddress();
  const kept = new Map([...settings].filter(([name]) => carried.has(name)));
  const current = Math.max(
    0,
    sections.findIndex(({ id }) => id === section),
  );
  const linkTo = (id: string): string => formatAddress({ route: "break", section: id, settings: kept });
  return <Chapter {...{ sections, current, linkTo }} first={FIRST} />;
}

export const route: Route = { id: "break", title: "Break a reconstruction", order: 2, View: Break };
