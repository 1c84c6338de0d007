// SPDX-License-Identifier: Apache-2.0
import type { KvApplyReport, KvBlockIndex, KvEventSource } from '@llm-d/kv-index';

/** Told of blocks that a source has stored, once the index knows them. */
export type StoredBlocksListener = (source: KvEventSource, storedBlocks: number) => void;

/** The same index, whose `apply` tells what came of it. */
export function observedIndex(index: KvBlockIndex, onStored: StoredBlocksListener): KvBlockIndex {
  const tell = (source: KvEventSource, report: KvApplyReport): KvApplyReport => {
    // Blocks without a place count too: the engine did report something.
    const stored =
      report.storedBlocks + report.unplaced.reduce((sum, { blocks }) => sum + blocks, 0);
    if (stored > 0) onStored(source, stored);
    return report;
  };
  return {
    apply: (batch, source) => {
      const report = index.apply(batch, source);
      return report instanceof Promise
        ? report.then((settled) => tell(source, settled))
        : tell(source, report);
    },
    clear: (pod) => index.clear(pod),
    remove: (pod) => index.remove(pod),
    lookup: (keys) => index.lookup(keys),
    stats: () => index.stats(),
  };
}
