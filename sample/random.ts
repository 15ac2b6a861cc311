/**
 * Seeded random numbers: the same keys give the same numbers on every machine and in every version of JavaScript.
 *
 * A stream belongs to its keys (`seed`, `"window"`, 9677), not to the order in which things are made, so a window has
 * the same meteors whether it is generated alone or as one of a thousand.
 */

/** A stream of random numbers. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number;
  /** Exponential with mean 1. */
  exponential(): number;
  /** Poisson with the given mean (a rounded normal for means above 50, where the difference is negligible). */
  poisson(mean: number): number;
  /** Uniform integer in [0, below). */
  below(below: number): number;
  /** One item, all equally likely. The list must not be empty. */
  pick<Item>(items: readonly Item[]): Item;
}

/** Below this mean Knuth's product method is cheap enough; above it the normal approximation is good enough. */
const POISSON_NORMAL_FROM = 50;

/** A stream for these keys. */
export function createRandom(...keys: readonly (string | number)[]): Random {
  const uniform = sfc32(hash128(keys.join("\u0000")));
  let spare: number | undefined;

  const normal = (): number => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    // Box and Muller; 1 - u keeps the logarithm away from zero.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };

  const poisson = (mean: number): number => {
    if (mean > POISSON_NORMAL_FROM) {
      return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    }
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = uniform(); product > limit; product *= uniform()) count++;
    return count;
  };

  const below = (limit: number): number => Math.floor(uniform() * limit);
  return {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    normal,
    exponential: () => -Math.log(1 - uniform()),
    poisson,
    below,
    pick<Item>(items: readonly Item[]): Item {
      const item = items[below(items.length)];
      if (item === undefined) throw new RangeError("pick: the list is empty");
      return item;
    },
  };
}

/** Chris Doty-Humphrey's small fast counter generator (PractRand's sfc32): 128 bits of state, integer operations only. */
function sfc32([a, b, c, d]: [number, number, number, number]): () => number {
  const next = (): number => {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return (sum >>> 0) / 4_294_967_296;
  };
  // The first outputs of neighbouring seeds resemble each other.
  for (let round = 0; round < 12; round++) next();
  return next;
}

/** Four 32-bit words from a text (MurmurHash3's multiply and mix, each word with its own seed). */
function hash128(text: string): [number, number, number, number] {
  const words: [number, number, number, number] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x1f83d9ab];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    for (let word = 0; word < 4; word++) {
      const mixed = Math.imul((words[word] ?? 0) ^ unit, 0x85ebca6b + 2 * word);
      words[word] = (mixed << (13 + word)) | (mixed >>> (19 - word));
    }
  }
  return words.map((word) => {
    const once = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
    return twice ^ (twice >>> 16);
  }) as [number, number, number, number];
}
