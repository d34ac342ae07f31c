// What WGSL's own functions are not held to: exp, log and their kin from +, −, ×, ÷ and bits, NaN
// kept where WGSL may drop it. Built-in ones differ by adapter, up to 38,000 units for sin.

/** A function of the library: its text, and the others that it calls. */
interface Helper {
  readonly text: string;
  readonly needs?: readonly string[];
}

const helpers: Readonly<Record<string, Helper>> = {
  // a call is no constant expression: WGSL forbids constants that are not finite
  fromBits: { text: "fn fromBits(bits: u32) -> f32 { return bitcast<f32>(bits); }" },
  isNan: {
    text: "fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }",
  },
  relu: {
    // negative numbers alone have these bits, and −∞ is the last of them
    text: `fn relu(x: f32) -> f32 {
  return select(x, 0.0f, bitcast<u32>(x) - 0x80000000u <= 0x7f800000u);
}`,
  },
  larger: {
    text: `fn larger(a: f32, b: f32) -> f32 {
  return select(select(b, a, a > b || isNan(a)), b, isNan(b));
}`,
    needs: ["isNan"],
  },
  smaller: {
    text: `fn smaller(a: f32, b: f32) -> f32 {
  return select(select(b, a, a < b || isNan(a)), b, isNan(b));
}`,
    needs: ["isNan"],
  },
  // x = k·ln 2 + r, a polynomial for eʳ, and 2ᵏ from its bits in two halves
  expTo: {
    text: `fn expTo(x: f32, top: f32) -> f32 {
  let c = clamp(x, -87.33f, top);
  let k = round(c * 1.4426950408889634f);
  let r = (c - k * 0.693359375f) - k * -2.1219444e-4f;
  var p = 1.9841270e-4f;
  p = p * r + 1.3888889e-3f;
  p = p * r + 8.3333333e-3f;
  p = p * r + 4.1666667e-2f;
  p = p * r + 0.16666667f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  let half = i32(k) >> 1u;
  let rest = i32(k) - half;
  let y = (p * bitcast<f32>((half + 127) << 23u)) * bitcast<f32>((rest + 127) << 23u);
  return select(y, x, isNan(x));
}`,
    needs: ["isNan"],
  },
  expOf: { text: "fn expOf(x: f32) -> f32 { return expTo(x, 89.0f); }", needs: ["expTo"] },
  sigmoidOf: {
    text: "fn sigmoidOf(x: f32) -> f32 { return 1.0f / (1.0f + expTo(-x, 88.72f)); }",
    needs: ["expTo"],
  },
  // x = 2ᵉ·m with m near 1, ln m = 2·artanh((m − 1)/(m + 1)); subnormal numbers are scaled first
  logOf: {
    text: `fn logOf(x: f32) -> f32 {
  let isSmall = bitcast<u32>(x) < 0x00800000u;
  let digits = f32(bitcast<u32>(x)) * 1.1920929e-7f;
  let value = select(x, digits, isSmall);
  let shifted = bitcast<i32>(value) - 0x3f3504f3;
  let e = shifted >> 23u;
  let m = bitcast<f32>(bitcast<i32>(value) - (e << 23u));
  let s = (m - 1.0f) / (m + 1.0f);
  let s2 = s * s;
  var p = 0.09090909f;
  p = p * s2 + 0.11111111f;
  p = p * s2 + 0.14285714f;
  p = p * s2 + 0.2f;
  p = p * s2 + 0.33333333f;
  p = p * s2 + 1.0f;
  let ef = f32(select(e, e - 126, isSmall));
  let y = ef * 0.693359375f + ((s * 2.0f) * p + ef * -2.1219444e-4f);
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) == 0u) { return fromBits(0xff800000u); }
  if (bits == 0x7f800000u || isNan(x)) { return x; }
  return select(y, fromBits(0x7fc00000u), bits > 0x80000000u);
}`,
    needs: ["isNan", "fromBits"],
  },
  // an odd rational function on [−4, 4]. Source: Eigen's generic_fast_erf_float
  erfOf: {
    text: `fn erfOf(x: f32) -> f32 {
  let c = clamp(x, -4.0f, 4.0f);
  let q = c * c;
  var a = -2.72614225801306e-10f;
  a = a * q + 2.77068142495902e-8f;
  a = a * q + -2.10102402082508e-6f;
  a = a * q + -5.69250639462346e-5f;
  a = a * q + -7.34990630326855e-4f;
  a = a * q + -2.954599808540251e-3f;
  a = a * q + -1.60960333262415e-2f;
  var b = -1.45660718464996e-5f;
  b = b * q + -2.13374055278905e-4f;
  b = b * q + -1.68282697438203e-3f;
  b = b * q + -7.37332916720468e-3f;
  b = b * q + -1.42647390514189e-2f;
  return select((c * a) / b, x, isNan(x));
}`,
    needs: ["isNan"],
  },
  // ±(1 − 2/(e^2|x| + 1)), and an odd polynomial where that loses digits. Source: Cephes' tanhf
  tanhOf: {
    text: `fn tanhOf(x: f32) -> f32 {
  let size = abs(x);
  let q = x * x;
  var p = -5.70498872745e-3f;
  p = p * q + 2.06390887954e-2f;
  p = p * q + -5.37397155531e-2f;
  p = p * q + 0.133314422036f;
  p = p * q + -0.333332819422f;
  let small = x + (x * q) * p;
  let large = 1.0f - 2.0f / (1.0f + expTo(size + size, 88.72f));
  let signed = bitcast<f32>(bitcast<u32>(large) | (bitcast<u32>(x) & 0x80000000u));
  return select(select(signed, small, size < 0.625f), x, isNan(x));
}`,
    needs: ["expTo", "isNan"],
  },
  wide: {
    // a·b as 64 bits: [high, low]
    text: `fn wide(a: u32, b: u32) -> vec2<u32> {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let low = al * bl;
  let middle = ah * bl + (low >> 16u);
  let other = al * bh + (middle & 0xffffu);
  return vec2<u32>(ah * bh + (middle >> 16u) + (other >> 16u), (other << 16u) | (low & 0xffffu));
}`,
  },
  // x = k·π/2 + r with 1/(2π) in 224 bits, so that r has all its digits for every x. Source: Payne
  // and Hanek 1983
  quarters: {
    text: `const HALF_OVER_PI = array<u32, 8>(
  0u, 0x28be60dbu, 0x9391054au, 0x7f09d5f4u, 0x7d4d3770u,
  0x36d8a566u, 0x4f10e410u, 0x7f9458eau);
struct Quarters { k: u32, r: f32 }
fn quarters(x: f32) -> Quarters {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  if (bits <= 0x3f490fdbu) { return Quarters(0u, x); }
  if (bits >= 0x7f800000u) { return Quarters(0u, fromBits(0x7fc00000u)); }
  var words = HALF_OVER_PI;
  let e = (bits >> 23u) - 126u;
  let digits = (bits << 8u) | 0x80000000u;
  let first = e >> 5u;
  let shift = e & 31u;
  var high = words[first];
  var middle = words[first + 1u];
  var low = words[first + 2u];
  let next = words[first + 3u];
  if (shift > 0u) {
    high = (high << shift) | (middle >> (32u - shift));
    middle = (middle << shift) | (low >> (32u - shift));
    low = (low << shift) | (next >> (32u - shift));
  }
  // the middle 64 bits of digits/(2π): two of the quarter, 62 of the rest
  let mid = wide(digits, middle);
  let last = wide(digits, low).x;
  var bottom = mid.y + last;
  var top = mid.x + digits * high + select(0u, 1u, bottom < last);
  var k = top >> 30u;
  top &= 0x3fffffffu;
  let isAbove = (top & 0x20000000u) != 0u;
  if (isAbove) {
    // the rest minus one quarter, as a positive number
    bottom = ~bottom + 1u;
    top = (~top + select(0u, 1u, bottom == 0u)) & 0x3fffffffu;
    k += 1u;
  }
  let zeros = countLeadingZeros(top);
  var leading = top;
  var scale = 1.0f;
  if (top == 0u) {
    let more = countLeadingZeros(bottom);
    leading = bottom << (more & 31u);
    scale = bitcast<f32>((127u - 32u - more) << 23u);
  } else {
    leading = top << zeros;
    if (zeros > 0u) { leading |= bottom >> (32u - zeros); }
    scale = bitcast<f32>((127u - zeros) << 23u);
  }
  // in units of 2⁻³⁰ of a quarter
  let t = (f32(leading) * 9.3132257e-10f) * scale;
  let r = t * 1.5707963f + t * -4.371139e-8f;
  let isMinus = x < 0.0f;
  return Quarters(select(k, 0u - k, isMinus) & 3u, select(r, -r, isMinus != isAbove));
}`,
    needs: ["wide", "fromBits"],
  },
  // Source of the polynomials: Cephes' sinf and cosf
  sineOf: {
    text: `fn sineOf(x: f32, ahead: u32) -> f32 {
  let turn = quarters(x);
  let k = turn.k + ahead;
  let r = turn.r;
  let q = r * r;
  let odd = (-1.9515295891e-4f * q + 8.3321608736e-3f) * q + -0.16666654611f;
  let even = (2.443315711809948e-5f * q + -1.388731625493765e-3f) * q + 4.166664568298827e-2f;
  let sine = r + r * (q * odd);
  let cosine = (1.0f - q * 0.5f) + (q * q) * even;
  let value = select(sine, cosine, (k & 1u) == 1u);
  return select(value, -value, (k & 2u) == 2u);
}`,
    needs: ["quarters"],
  },
  sinOf: { text: "fn sinOf(x: f32) -> f32 { return sineOf(x, 0u); }", needs: ["sineOf"] },
  cosOf: { text: "fn cosOf(x: f32) -> f32 { return sineOf(x, 1u); }", needs: ["sineOf"] },
  // |a|ᵇ for whole b up to 64 by products, else 2^(b·log₂|a|); at 0, ±∞ and NaN as C's pow
  powOf: {
    text: `fn powOf(a: f32, b: f32) -> f32 {
  let size = abs(a);
  let isEndless = (bitcast<u32>(b) & 0x7fffffffu) == 0x7f800000u;
  if (b == 0.0f || a == 1.0f || (a == -1.0f && isEndless)) { return 1.0f; }
  if (isNan(a) || isNan(b)) { return fromBits(0x7fc00000u); }
  let isWhole = floor(b) == b;
  let isOdd = isWhole && floor(b * 0.5f) != b * 0.5f;
  let isBounded = (bitcast<u32>(a) & 0x7fffffffu) < 0x7f800000u;
  if (a < 0.0f && isBounded && !isWhole) { return fromBits(0x7fc00000u); }
  let y = powerOf(size, b, isWhole);
  return select(y, -y, isOdd && (bitcast<u32>(a) >> 31u) == 1u);
}`,
    needs: ["powerOf", "isNan", "fromBits"],
  },
  powerOf: {
    text: `fn powerOf(size: f32, b: f32, isWhole: bool) -> f32 {
  let bits = bitcast<u32>(size);
  let rises = b > 0.0f;
  if (bits == 0u) { return select(fromBits(0x7f800000u), 0.0f, rises); }
  if (bits == 0x7f800000u) { return select(0.0f, fromBits(0x7f800000u), rises); }
  if (abs(b) > 3.4e38f) { return select(0.0f, fromBits(0x7f800000u), (size > 1.0f) == rises); }
  if (isWhole && abs(b) <= 64.0f) {
    var power = 1.0f;
    var square = size;
    for (var rest = u32(abs(b)); rest > 0u; rest >>= 1u) {
      if ((rest & 1u) == 1u) { power *= square; }
      square *= square;
    }
    return select(1.0f / power, power, rises);
  }
  let shifted = bitcast<i32>(size) - 0x3f3504f3;
  let e = f32(shifted >> 23u);
  let m = bitcast<f32>(bitcast<i32>(size) - ((shifted >> 23u) << 23u));
  // b in two parts, so that b · e is exact
  let high = bitcast<f32>(bitcast<u32>(b) & 0xfffff000u);
  let low = b - high;
  let t = b * (logOf(m) * 1.442695f) + low * e;
  let whole = clamp(round(high * e), -400.0f, 400.0f);
  let total = clamp((high * e - whole) + t, -400.0f, 400.0f);
  let k = round(total);
  let p = expOf((total - k) * 0.6931472f);
  let n = i32(clamp(whole + k, -280.0f, 280.0f));
  let half = n / 2;
  return (p * powerOfTwo(half)) * powerOfTwo(n - half);
}`,
    needs: ["logOf", "expOf", "fromBits", "powerOfTwo"],
  },
  powerOfTwo: {
    text: `fn powerOfTwo(n: i32) -> f32 {
  if (n > 127) { return fromBits(0x7f800000u); }
  return select(bitcast<f32>((n + 127) << 23u), 0.0f, n < -126);
}`,
    needs: ["fromBits"],
  },
  // a well-mixed number from another. Source: C. Wellons's hash-prospector
  mixOf: {
    text: `fn mixOf(h: u32) -> u32 {
  var z = h;
  z = (z ^ (z >> 16u)) * 0x21f0aaadu;
  z = (z ^ (z >> 15u)) * 0x735a2d97u;
  return z ^ (z >> 15u);
}`,
  },
};

/** The functions of the library that `code` calls, those that they call first. */
export function functionsFor(code: string): string {
  const texts: string[] = [];
  const done = new Set<string>();
  const add = (name: string): void => {
    if (done.has(name)) return;
    done.add(name);
    for (const other of helpers[name].needs ?? []) add(other);
    texts.push(helpers[name].text);
  };
  for (const name of Object.keys(helpers)) if (code.includes(`${name}(`)) add(name);
  return texts.join("\n");
}
