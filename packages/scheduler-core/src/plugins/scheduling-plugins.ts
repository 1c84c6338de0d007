// SPDX-License-Identifier: Apache-2.0
import type { AnyPluginDefinition } from '../plugin-definition.ts';
import { latencySloAdmitter } from './admitters/latency-slo-admitter/latency-slo-admitter.ts';
import { probabilisticAdmitter } from './admitters/probabilistic-admitter/probabilistic-admitter.ts';
import { alwaysDisaggMultimodalDecider } from './deciders/always-disagg-multimodal-decider/always-disagg-multimodal-decider.ts';
import { alwaysDisaggPdDecider } from './deciders/always-disagg-pd-decider/always-disagg-pd-decider.ts';
import { prefixBasedPdDecider } from './deciders/prefix-based-pd-decider/prefix-based-pd-decider.ts';
import { byLabelSelector } from './filters/by-label-selector/by-label-selector.ts';
import { byLabel } from './filters/by-label/by-label.ts';
import { decodeFilter } from './filters/decode-filter/decode-filter.ts';
import { encodeFilter } from './filters/encode-filter/encode-filter.ts';
import { endpointAttributeFilter } from './filters/endpoint-attribute-filter/endpoint-attribute-filter.ts';
import { headerBasedTestingFilter } from './filters/header-based-testing-filter/header-based-testing-filter.ts';
import { labelSelectorFilter } from './filters/label-selector-filter/label-selector-filter.ts';
import { prefillFilter } from './filters/prefill-filter/prefill-filter.ts';
import { prefixCacheAffinityFilter } from './filters/prefix-cache-affinity-filter/prefix-cache-affinity-filter.ts';
import { sessionAffinityFilter } from './filters/session-affinity-filter/session-affinity-filter.ts';
import { sloHeadroomTierFilter } from './filters/slo-headroom-tier-filter/slo-headroom-tier-filter.ts';
import { topologyAffinityFilter } from './filters/topology-affinity-filter/topology-affinity-filter.ts';
import { utilizationFilter } from './filters/utilization-filter/utilization-filter.ts';
import { concurrencyDetector } from './flow-control/concurrency-detector/concurrency-detector.ts';
import { edfOrderingPolicy } from './flow-control/edf-ordering-policy/edf-ordering-policy.ts';
import { evictionPriorityThenTimeOrdering } from './flow-control/eviction-priority-then-time-ordering/eviction-priority-then-time-ordering.ts';
import { evictionSheddableFilter } from './flow-control/eviction-sheddable-filter/eviction-sheddable-filter.ts';
import { fcfsOrderingPolicy } from './flow-control/fcfs-ordering-policy/fcfs-ordering-policy.ts';
import { globalStrictFairnessPolicy } from './flow-control/global-strict-fairness-policy/global-strict-fairness-policy.ts';
import { priorityHoldbackPolicy } from './flow-control/priority-holdback-policy/priority-holdback-policy.ts';
import { programAwareFairness } from './flow-control/program-aware-fairness/program-aware-fairness.ts';
import { roundRobinFairnessPolicy } from './flow-control/round-robin-fairness-policy/round-robin-fairness-policy.ts';
import { sloDeadlineOrderingPolicy } from './flow-control/slo-deadline-ordering-policy/slo-deadline-ordering-policy.ts';
import { softReflectiveCeilingPolicy } from './flow-control/soft-reflective-ceiling-policy/soft-reflective-ceiling-policy.ts';
import { staticUsageLimitPolicy } from './flow-control/static-usage-limit-policy/static-usage-limit-policy.ts';
import { utilizationDetector } from './flow-control/utilization-detector/utilization-detector.ts';
import { maxScorePicker } from './pickers/max-score-picker/max-score-picker.ts';
import { randomPicker } from './pickers/random-picker/random-picker.ts';
import { roundRobinPicker } from './pickers/round-robin-picker/round-robin-picker.ts';
import { weightedRandomPicker } from './pickers/weighted-random-picker/weighted-random-picker.ts';
import { dataParallelProfileHandler } from './profile-handlers/data-parallel-profile-handler/data-parallel-profile-handler.ts';
import { disaggHeadersHandler } from './profile-handlers/disagg-headers-handler/disagg-headers-handler.ts';
import { disaggProfileHandler } from './profile-handlers/disagg-profile-handler/disagg-profile-handler.ts';
import { headerProfileHandler } from './profile-handlers/header-profile-handler/header-profile-handler.ts';
import { pdProfileHandler } from './profile-handlers/pd-profile-handler/pd-profile-handler.ts';
import { prefillHeaderHandler } from './profile-handlers/prefill-header-handler/prefill-header-handler.ts';
import { singleProfileHandler } from './profile-handlers/single-profile-handler/single-profile-handler.ts';
import { agentIdentity } from './request-headers/agent-identity/agent-identity.ts';
import { activeRequestScorer } from './scorers/active-request-scorer/active-request-scorer.ts';
import { contextLengthAware } from './scorers/context-length-aware/context-length-aware.ts';
import { endpointAttributeScorer } from './scorers/endpoint-attribute-scorer/endpoint-attribute-scorer.ts';
import { headerLabelAffinityScorer } from './scorers/header-label-affinity-scorer/header-label-affinity-scorer.ts';
import { kvCacheUtilizationScorer } from './scorers/kv-cache-utilization-scorer/kv-cache-utilization-scorer.ts';
import { latencyScorer } from './scorers/latency-scorer/latency-scorer.ts';
import { loadAwareScorer } from './scorers/load-aware-scorer/load-aware-scorer.ts';
import { loraAffinityScorer } from './scorers/lora-affinity-scorer/lora-affinity-scorer.ts';
import { mmEmbeddingsCacheScorer } from './scorers/mm-embeddings-cache-scorer/mm-embeddings-cache-scorer.ts';
import { noHitLruScorer } from './scorers/no-hit-lru-scorer/no-hit-lru-scorer.ts';
import { prefixCacheScorer } from './scorers/prefix-cache-scorer/prefix-cache-scorer.ts';
import { queueScorer } from './scorers/queue-scorer/queue-scorer.ts';
import { runningRequestsSizeScorer } from './scorers/running-requests-size-scorer/running-requests-size-scorer.ts';
import { sessionAffinityScorer } from './scorers/session-affinity-scorer/session-affinity-scorer.ts';
import { tokenLoadScorer } from './scorers/token-load-scorer/token-load-scorer.ts';
import { topologyAffinityScorer } from './scorers/topology-affinity-scorer/topology-affinity-scorer.ts';

/** Every plugin type of this package: what a decision consists of. */
export const schedulingPlugins: readonly AnyPluginDefinition[] = [
  labelSelectorFilter,
  decodeFilter,
  prefillFilter,
  encodeFilter,
  prefixCacheAffinityFilter,
  sessionAffinityFilter,
  topologyAffinityFilter,
  utilizationFilter,
  endpointAttributeFilter,
  sloHeadroomTierFilter,
  headerBasedTestingFilter,
  byLabel,
  byLabelSelector,
  queueScorer,
  kvCacheUtilizationScorer,
  runningRequestsSizeScorer,
  activeRequestScorer,
  loadAwareScorer,
  tokenLoadScorer,
  latencyScorer,
  prefixCacheScorer,
  noHitLruScorer,
  mmEmbeddingsCacheScorer,
  loraAffinityScorer,
  sessionAffinityScorer,
  headerLabelAffinityScorer,
  topologyAffinityScorer,
  contextLengthAware,
  endpointAttributeScorer,
  maxScorePicker,
  randomPicker,
  weightedRandomPicker,
  roundRobinPicker,
  singleProfileHandler,
  disaggProfileHandler,
  headerProfileHandler,
  pdProfileHandler,
  dataParallelProfileHandler,
  disaggHeadersHandler,
  prefillHeaderHandler,
  alwaysDisaggPdDecider,
  prefixBasedPdDecider,
  alwaysDisaggMultimodalDecider,
  latencySloAdmitter,
  probabilisticAdmitter,
  agentIdentity,
  fcfsOrderingPolicy,
  edfOrderingPolicy,
  sloDeadlineOrderingPolicy,
  globalStrictFairnessPolicy,
  roundRobinFairnessPolicy,
  programAwareFairness,
  staticUsageLimitPolicy,
  priorityHoldbackPolicy,
  softReflectiveCeilingPolicy,
  utilizationDetector,
  concurrencyDetector,
  evictionSheddableFilter,
  evictionPriorityThenTimeOrdering,
];
