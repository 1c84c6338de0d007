// SPDX-License-Identifier: Apache-2.0
export { PrefixHashOptionsError, createPrefixHasher } from './prefix-hasher.ts';
export { createPrefixLru } from './prefix-lru.ts';

export type { PrefixHashOptions, PrefixHasher } from './prefix-hasher.ts';
export type { PrefixLru } from './prefix-lru.ts';
