// SPDX-License-Identifier: Apache-2.0
import type { Metrics } from '@llm-d/telemetry';
import { modelRewriteDecisionsTotal } from '../metric-definitions/picker-series.ts';
import { createKnownValues } from '../picker/known-values.ts';
import type { ModelResolution } from './request-policies.ts';

/** Counts requests whose model a rewrite decided, with a bound on the names that clients choose. */
export function createRewriteCounter(metrics: Metrics): (resolution: ModelResolution) => void {
  const boundModel = createKnownValues();
  return ({ rewrite, model, targetModel }) => {
    if (rewrite === undefined) return;
    metrics
      .counter(modelRewriteDecisionsTotal, {
        model_rewrite_name: rewrite,
        model_name: boundModel(model),
        target_model: targetModel,
      })
      .inc();
  };
}
