import { recordingMetrics } from '@llm-d/telemetry/testing';
import { expect, test } from 'vitest';
import { modelRewriteDecisionsTotal } from '../metric-definitions/picker-series.ts';
import { createRewriteCounter } from './rewrite-counter.ts';

test('counts what rewrites decided, and nothing else', () => {
  const metrics = recordingMetrics();
  const count = createRewriteCounter(metrics);
  count({ model: 'm', targetModel: 'x', rewrite: 'r' });
  count({ model: 'm', targetModel: 'x', rewrite: 'r' });
  count({ model: 'm', targetModel: 'm', rewrite: undefined });
  const labels = { model_rewrite_name: 'r', model_name: 'm', target_model: 'x' };
  expect(metrics.value(modelRewriteDecisionsTotal, labels)).toBe(2);
});
