// SPDX-License-Identifier: Apache-2.0

/** Number of symbols: every octet and the end of string. */
export const huffmanSymbols = 257;

/** Symbol that only ever appears, cut short, as padding. */
export const endOfString = 256;

/**
 * Length in bits of each symbol's code in RFC 7541 appendix B. The code is canonical (codes of one length count up in
 * the order of their symbols), so the lengths say everything.
 */
export const huffmanLengths = Uint8Array.of(
  // prettier-ignore
  ...[
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
  ],
);

/** The code of each symbol, in its low `huffmanLengths[symbol]` bits. */
export function huffmanCodes(): Uint32Array {
  const codes = new Uint32Array(huffmanSymbols);
  const symbols = Array.from(codes.keys());
  const lengthOf = (symbol: number): number => huffmanLengths[symbol] ?? 0;
  symbols.sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
  let next = 0;
  let bits = 0;
  for (const symbol of symbols) {
    next *= 2 ** (lengthOf(symbol) - bits);
    bits = lengthOf(symbol);
    codes[symbol] = next++;
  }
  return codes;
}
