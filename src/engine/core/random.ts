// Seeded random numbers. There is no global generator: whoever needs randomness is handed a seed.
import { log, sinCos, PI } from "./math.ts";

/**
 * A stream of random numbers: xoshiro128** seeded through splitmix32. Source: Blackman & Vigna
 * 2018.
 */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  uniform(): number;
  /** Standard normal (Box–Muller). */
  normal(): number;
  /** Uniform integer in [0, n). */
  integer(n: number): number;
  /** An independent stream for a named purpose. */
  fork(label: string | number): Random;
}

/** A well-mixed 32-bit number from another. Source: C. Wellons's hash-prospector. */
export function mix(h: number): number {
  let z = h | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

export function random(seed: number): Random {
  let s = (mix(seed >>> 0) ^ mix(Math.floor(seed / 2 ** 32) + 0x51ed27)) >>> 0;
  const next32 = (): number => {
    s = (s + 0x9e3779b9) >>> 0;
    return mix(s);
  };
  let a = next32(),
    b = next32(),
    c = next32(),
    d = next32() | 1;
  const origin = [a, b, c, d] as const;
  let spare: number | undefined;
  const bits = (): number => {
    const m = Math.imul(b, 5);
    const result = Math.imul((m << 7) | (m >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  const uniform = (): number => bits() / 4294967296;
  return {
    uniform,
    normal() {
      if (spare !== undefined) {
        const v = spare;
        spare = undefined;
        return v;
      }
      const radius = Math.sqrt(-2 * log(1 - uniform()));
      const [sn, cs] = sinCos(2 * PI * uniform());
      spare = radius * sn;
      return radius * cs;
    },
    integer: (n) => Math.floor(uniform() * n),
    fork(label) {
      let h = mix(origin[0] ^ 0x2545f491);
      for (const ch of String(label)) h = mix(h ^ mix(ch.codePointAt(0)! + 0x9e3779b9) ^ origin[1]);
      return random(h + mix(h ^ origin[2]) * 1024);
    },
  };
}

/** A seeded permutation of 0 … n − 1 (Fisher–Yates). */
export function permutation(n: number, rng: Random): number[] {
  const p = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    [p[i], p[j]] = [p[j], p[i]];
  }
  return p;
}
