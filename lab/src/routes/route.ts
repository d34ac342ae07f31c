// What a route is. A file in this folder that exports one is found by main.tsx.
import type { ComponentType } from "preact";

export interface Route {
  /** In the address. */
  readonly id: string;
  readonly title: string;
  /** Its place among the routes. */
  readonly order: number;
  readonly View: ComponentType<{ section: string }>;
}
