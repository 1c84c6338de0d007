import { createPrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { expect, test } from 'vitest';
import { indexAdmissionsTotal, kvEventMetrics, messagesReceivedTotal } from './kv-event-metrics.ts';

test('every metric has a name of its own, a text and the ending of its kind', () => {
  const names = kvEventMetrics.flatMap(({ name, legacyTwins = [] }) => [
    name,
    ...legacyTwins.map((twin) => twin.name),
  ]);
  expect(new Set(names).size).toBe(names.length);
  for (const { kind, name, help } of kvEventMetrics) {
    expect(help).toMatch(/^\[ALPHA\] \w/);
    expect(name.endsWith('_total')).toBe(kind === 'counter');
  }
});

test('names and texts of llm-d are its own', async () => {
  const metrics = createPrometheusMetrics({ definitions: kvEventMetrics });
  metrics.counter(messagesReceivedTotal, { pod_identifier: 'a' }).inc();
  metrics.counter(indexAdmissionsTotal, {}).inc(3);
  const text = await metrics.expose();
  for (const line of [
    '# HELP llm_d_epp_kv_cache_events_messages_received_total [ALPHA] Total number of messages received from ZMQ subscribers',
    'llm_d_epp_kv_cache_events_messages_received_total{pod_identifier="a"} 1',
    'llm_d_epp_kv_cache_index_admissions_total 3',
    '# HELP kvcache_index_admissions_total Deprecated: use llm_d_epp_kv_cache_index_admissions_total. Total number of KV-block admissions',
    'kvcache_index_admissions_total 3',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});
