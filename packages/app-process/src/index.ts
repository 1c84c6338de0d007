// SPDX-License-Identifier: Apache-2.0
export { endOnSignals } from './end-on-signals.ts';
export { imageEnvironment } from './image-environment.ts';
export { keepHeapLean } from './lean-heap.ts';

export type { EndableProcess, EndOptions } from './end-on-signals.ts';
