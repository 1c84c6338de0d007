// SPDX-License-Identifier: Apache-2.0
import {
  defineGauge,
  deprecatedHelp,
  withFormerName,
  withLegacyTwin,
  type MetricDefinition,
} from '@llm-d/telemetry';

const labels = ['name'] as const;

const poolGauge = (suffix: string, text: string) =>
  defineGauge(`llm_d_epp_${suffix}`, `[ALPHA] ${text}`, labels);

/** A gauge that `inference_pool_` has, too. */
const twinned = (suffix: string, text: string) =>
  withFormerName(poolGauge(suffix, text), `inference_pool_${suffix}`);

export const readyEndpoints = withLegacyTwin(
  poolGauge('ready_endpoints', 'The number of ready endpoints in the inference server pool.'),
  {
    name: 'inference_pool_ready_pods',
    help: deprecatedHelp(
      'llm_d_epp_ready_endpoints',
      'The number of ready pods in the inference server pool.',
    ),
    labels: { name: 'name' },
  },
);
export const averageKvCacheUtilization = twinned(
  'average_kv_cache_utilization',
  'The average kv cache utilization for an inference server pool.',
);
export const averageQueueSize = twinned(
  'average_queue_size',
  'The average number of requests pending in the model server queue.',
);
export const averageRunningRequests = twinned(
  'average_running_requests',
  'The average number of running requests across model servers in the pool.',
);
export const stdDevKvCacheUtilization = poolGauge(
  'std_dev_kv_cache_utilization',
  'The standard deviation kv cache utilization for an inference server pool.',
);
export const stdDevQueueSize = poolGauge(
  'std_dev_queue_size',
  'The standard deviation number of requests pending in the model server queue.',
);
export const stdDevRunningRequests = poolGauge(
  'std_dev_running_requests',
  'The standard deviation number of running requests across model servers in the pool.',
);
export const perEndpointQueueSize = withLegacyTwin(
  defineGauge(
    'llm_d_epp_per_endpoint_queue_size',
    '[ALPHA] The total number of requests pending in the model server queue for each underlying endpoint.',
    ['name', 'model_server_endpoint'],
  ),
  {
    name: 'inference_pool_per_pod_queue_size',
    // llm-d marks every former name as deprecated but a few, of which this is one.
    help: '[ALPHA] The total number of requests pending in the model server queue for each underlying pod.',
    labels: { name: 'name', model_server_pod: 'model_server_endpoint' },
  },
);

/** What is known of the pool as a whole. */
export const poolMetrics: readonly MetricDefinition[] = [
  readyEndpoints,
  averageKvCacheUtilization,
  averageQueueSize,
  averageRunningRequests,
  stdDevKvCacheUtilization,
  stdDevQueueSize,
  stdDevRunningRequests,
  perEndpointQueueSize,
];
