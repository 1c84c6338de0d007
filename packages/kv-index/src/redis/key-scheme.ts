// SPDX-License-Identifier: Apache-2.0
import { type RequestKeyHasherOptions, createRequestKeyHasher } from '../request-key-hasher.ts';

/** What request keys depend on besides the prompt. Writers and readers of one namespace must agree on all of it. */
export interface KvKeyScheme extends RequestKeyHasherOptions {
  readonly blockSizeTokens: number;
}

/** Equal for equal schemes, and tells nothing of the seed: a request key of a fixed block. */
export function fingerprintOf(scheme: KvKeyScheme): string {
  const { blockSizeTokens } = scheme;
  const tokens = Uint32Array.from({ length: blockSizeTokens }, (_, i) => i);
  const [low = 0, high = 0] = createRequestKeyHasher(scheme).keys(tokens, {
    model: '',
    blockSizeTokens,
  });
  const key = (BigInt(high) << 32n) | BigInt(low);
  return `${blockSizeTokens}-${key.toString(16).padStart(16, '0')}`;
}
