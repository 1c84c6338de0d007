// SPDX-License-Identifier: Apache-2.0
import type { AttributeReader, DataProducer, Named } from '@llm-d/scheduler-core';
import type { PrefixRecord } from './decision-log.ts';

/** Collects what producers want remembered with a decision; undefined where that is nothing. */
export function createPrefixRecords(
  producers: readonly Named<DataProducer>[],
): (attributes: AttributeReader) => readonly PrefixRecord[] | undefined {
  const recorded = producers.flatMap(({ name, plugin }) =>
    plugin.recorded === undefined ? [] : [{ producer: name, facts: plugin.recorded }],
  );
  return (attributes) => {
    let records: PrefixRecord[] | undefined;
    for (const { producer, facts } of recorded) {
      const matches = attributes.get(facts.matches);
      const knowledge = facts.knowledge && attributes.get(facts.knowledge);
      if (matches === undefined && knowledge === undefined) continue;
      (records ??= []).push({ producer, matches, knowledge });
    }
    return records;
  };
}
