// SPDX-License-Identifier: Apache-2.0
import type { AnyPluginDefinition } from '../plugin-definition.ts';
import { labelSelectorFilter } from './filters/label-selector-filter/label-selector-filter.ts';
import { prefixCacheAffinityFilter } from './filters/prefix-cache-affinity-filter/prefix-cache-affinity-filter.ts';
import { utilizationFilter } from './filters/utilization-filter/utilization-filter.ts';
import { maxScorePicker } from './pickers/max-score-picker/max-score-picker.ts';
import { randomPicker } from './pickers/random-picker/random-picker.ts';
import { roundRobinPicker } from './pickers/round-robin-picker/round-robin-picker.ts';
import { weightedRandomPicker } from './pickers/weighted-random-picker/weighted-random-picker.ts';
import { singleProfileHandler } from './profile-handlers/single-profile-handler/single-profile-handler.ts';
import { activeRequestScorer } from './scorers/active-request-scorer/active-request-scorer.ts';
import { kvCacheUtilizationScorer } from './scorers/kv-cache-utilization-scorer/kv-cache-utilization-scorer.ts';
import { loadAwareScorer } from './scorers/load-aware-scorer/load-aware-scorer.ts';
import { noHitLruScorer } from './scorers/no-hit-lru-scorer/no-hit-lru-scorer.ts';
import { prefixCacheScorer } from './scorers/prefix-cache-scorer/prefix-cache-scorer.ts';
import { queueScorer } from './scorers/queue-scorer/queue-scorer.ts';
import { runningRequestsSizeScorer } from './scorers/running-requests-size-scorer/running-requests-size-scorer.ts';
import { sessionAffinityScorer } from './scorers/session-affinity-scorer/session-affinity-scorer.ts';
import { tokenLoadScorer } from './scorers/token-load-scorer/token-load-scorer.ts';

/** Every plugin type of this package: filters, scorers, pickers and profile handlers. */
export const schedulingPlugins: readonly AnyPluginDefinition[] = [
  labelSelectorFilter,
  prefixCacheAffinityFilter,
  utilizationFilter,
  queueScorer,
  kvCacheUtilizationScorer,
  runningRequestsSizeScorer,
  activeRequestScorer,
  loadAwareScorer,
  tokenLoadScorer,
  prefixCacheScorer,
  noHitLruScorer,
  sessionAffinityScorer,
  maxScorePicker,
  randomPicker,
  weightedRandomPicker,
  roundRobinPicker,
  singleProfileHandler,
];
