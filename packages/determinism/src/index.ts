// SPDX-License-Identifier: Apache-2.0
export { AbortedError, sleep } from './clock.ts';
export { systemClock } from './system-clock.ts';
export { VirtualClock } from './virtual-clock.ts';
export { createRandom, exponential, normal, randomBelow, shuffle, systemRandom } from './random.ts';

export type { Clock, Timer } from './clock.ts';
export type { Random } from './random.ts';
