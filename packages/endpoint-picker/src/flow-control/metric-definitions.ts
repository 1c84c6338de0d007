// SPDX-License-Identifier: Apache-2.0
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  withFormerName,
  type MetricDefinition,
} from '@llm-d/telemetry';

const waitBuckets = [
  0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const overheadBuckets = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1];
const confirmationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const queueLabels = [
  'fairness_id',
  'priority',
  'inference_pool',
  'model_name',
  'target_model_name',
] as const;

const former = (suffix: string): string => `inference_extension_flow_control_${suffix}`;

export const queueDurationSeconds = withFormerName(
  defineHistogram(
    'llm_d_epp_flow_control_request_queue_duration_seconds',
    '[ALPHA] Distribution of total time requests spend in the Flow Control layer (from enqueue to final outcome).',
    waitBuckets,
    ['fairness_id', 'priority', 'outcome', 'inference_pool', 'model_name', 'target_model_name'],
  ),
  former('request_queue_duration_seconds'),
);
export const dispatchCycleSeconds = withFormerName(
  defineHistogram(
    'llm_d_epp_flow_control_dispatch_cycle_duration_seconds',
    '[ALPHA] Distribution of time taken for each internal dispatch cycle in the Flow Control layer.',
    overheadBuckets,
  ),
  former('dispatch_cycle_duration_seconds'),
);
export const enqueueDurationSeconds = withFormerName(
  defineHistogram(
    'llm_d_epp_flow_control_request_enqueue_duration_seconds',
    '[ALPHA] Distribution of time taken to enqueue requests into the Flow Control layer.',
    overheadBuckets,
    ['fairness_id', 'priority', 'outcome'],
  ),
  former('request_enqueue_duration_seconds'),
);
export const queueSize = withFormerName(
  defineGauge(
    'llm_d_epp_flow_control_queue_size',
    '[ALPHA] Current number of requests actively held in the Flow Control queue.',
    queueLabels,
  ),
  former('queue_size'),
);
export const queueBytes = withFormerName(
  defineGauge(
    'llm_d_epp_flow_control_queue_bytes',
    '[ALPHA] Current total size in bytes of requests actively held in the Flow Control queue.',
    queueLabels,
  ),
  former('queue_bytes'),
);
export const poolSaturation = withFormerName(
  defineGauge(
    'llm_d_epp_flow_control_pool_saturation',
    '[ALPHA] Saturation that gates Flow Control dispatch (1 = full, more = beyond it), by stage; effective is the greater of prefill and decode and counts.',
    ['inference_pool', 'stage'],
  ),
  former('pool_saturation'),
);
export const staleEndpoints = defineGauge(
  'llm_d_epp_flow_control_stale_endpoints',
  '[ALPHA] Number of candidate endpoints whose metrics are missing or older than the staleness threshold, over all stages.',
  ['detector'],
);
export const bandRequestUtilization = defineGauge(
  'llm_d_epp_flow_control_capacity_utilization_requests',
  "[ALPHA] Fraction of a priority band's effective request-count capacity currently occupied, aggregated over every flow in the band (0.0-1.0). The denominator falls back to a default when the band does not configure one, so every configured band reports a series. The all-bands rollup is a separate metric, flow_control_global_capacity_utilization_requests.",
  ['priority', 'inference_pool'],
);
export const bandByteUtilization = defineGauge(
  'llm_d_epp_flow_control_capacity_utilization_bytes',
  "[ALPHA] Fraction of a priority band's effective byte-size capacity currently occupied, aggregated over every flow in the band (0.0-1.0). The denominator falls back to a default when the band does not configure one, so every configured band reports a series. The all-bands rollup is a separate metric, flow_control_global_capacity_utilization_bytes.",
  ['priority', 'inference_pool'],
);
export const globalRequestUtilization = defineGauge(
  'llm_d_epp_flow_control_global_capacity_utilization_requests',
  '[ALPHA] Fraction of the global request-count capacity currently occupied across all priority bands (0.0-1.0). Global capacity is optional and unset by default; this series is emitted only when it is configured. Kept separate from flow_control_capacity_utilization_requests so aggregations over the per-band family do not double count the rollup.',
  ['inference_pool'],
);
export const globalByteUtilization = defineGauge(
  'llm_d_epp_flow_control_global_capacity_utilization_bytes',
  '[ALPHA] Fraction of the global byte-size capacity currently occupied across all priority bands (0.0-1.0). Global capacity is optional and unset by default; this series is emitted only when it is configured. Kept separate from flow_control_capacity_utilization_bytes so aggregations over the per-band family do not double count the rollup.',
  ['inference_pool'],
);
export const flowRequestsTotal = defineCounter(
  'llm_d_epp_flow_control_requests_total',
  '[ALPHA] Total number of requests processed by the Flow Control layer.',
  ['outcome', 'priority', 'inference_pool'],
);
export const revocationsIssuedTotal = defineCounter(
  'llm_d_epp_flow_control_revocations_issued_total',
  "[ALPHA] Total number of in-flight eviction revocations issued, labeled by the demand band's priority.",
  ['priority', 'inference_pool'],
);
export const revocationsTotal = defineCounter(
  'llm_d_epp_flow_control_revocations_total',
  '[ALPHA] Total number of in-flight eviction revocations by terminal outcome (confirmed, timed_out). Every issued revocation eventually increments exactly one outcome.',
  ['outcome', 'inference_pool'],
);
export const reclaimTarget = defineGauge(
  'llm_d_epp_flow_control_reclaim_target',
  '[ALPHA] Last computed reclamation deficit, in saturation-gauge units.',
  ['inference_pool'],
);
export const pendingReclaim = defineGauge(
  'llm_d_epp_flow_control_pending_reclaim',
  '[ALPHA] Sum of outstanding and cooling pending-reclaim debits, in saturation-gauge units.',
  ['inference_pool'],
);
export const revocationConfirmationSeconds = defineHistogram(
  'llm_d_epp_flow_control_revocation_confirmation_seconds',
  '[ALPHA] Time from revocation issue to confirmed stream termination.',
  confirmationBuckets,
  ['inference_pool'],
);

/** Every metric of flow control. */
export const flowControlMetrics: readonly MetricDefinition[] = [
  queueDurationSeconds,
  dispatchCycleSeconds,
  enqueueDurationSeconds,
  queueSize,
  queueBytes,
  poolSaturation,
  staleEndpoints,
  bandRequestUtilization,
  bandByteUtilization,
  globalRequestUtilization,
  globalByteUtilization,
  flowRequestsTotal,
  revocationsIssuedTotal,
  revocationsTotal,
  reclaimTarget,
  pendingReclaim,
  revocationConfirmationSeconds,
];
