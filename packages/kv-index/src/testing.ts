// SPDX-License-Identifier: Apache-2.0
export { BatchBuilder } from './testing/batch-builder.ts';
export { describeKvBlockIndex } from './testing/kv-block-index-conformance.ts';

export type { ConformanceSubject } from './testing/kv-block-index-conformance.ts';
