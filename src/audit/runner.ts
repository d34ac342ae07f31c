// The runner: every piece of an audit, one after the other, in this thread.
import { assembleAudit } from "./assemble.ts";
import { planAudit, type AuditOptions, type Piece } from "./plan.ts";
import type { AuditResult } from "./schema.ts";

export interface AuditProgress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

/**
 * Audits every method with every test on every image, under the same seeds and budgets. The result
 * depends on the options alone: two runs give the same JSON, byte for byte. A method that fails
 * with an error gets outcome "error" and the rest goes on. Throws what planAudit and assembleAudit
 * throw.
 */
export async function audit(
  options: AuditOptions & {
    readonly on?: { readonly progress?: (p: AuditProgress) => void | Promise<void> };
  },
): Promise<AuditResult> {
  const plan = await planAudit(options);
  const total = plan.header.pieces.reduce((n, p) => n + p.steps, 0);
  const pieces = new Map<string, Piece>();
  let before = 0;
  for (const { key, what, steps } of plan.header.pieces) {
    let done = before;
    await options.on?.progress?.({ what, done, total });
    pieces.set(
      key,
      await plan.compute(key, async () => {
        await options.on?.progress?.({ what, done: Math.min(++done, before + steps), total });
      }),
    );
    before += steps;
  }
  return assembleAudit(plan.header, options.tests, (key) => pieces.get(key));
}
