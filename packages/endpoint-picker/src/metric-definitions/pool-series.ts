// SPDX-License-Identifier: Apache-2.0
import {
  defineGauge,
  deprecatedHelp,
  withLegacyTwin,
  type MetricDefinition,
} from '@llm-d/telemetry';

const labels = ['name'] as const;

const poolGauge = (suffix: string, text: string) =>
  defineGauge(`llm_d_epp_${suffix}`, `[ALPHA] ${text}`, labels);

/** A gauge that `inference_pool_` has, too. */
function twinned(suffix: string, text: string, former = { suffix, text }) {
  const current = poolGauge(suffix, text);
  return withLegacyTwin(current, {
    name: `inference_pool_${former.suffix}`,
    help: deprecatedHelp(current.name, former.text),
    labels: { name: 'name' },
  });
}

export const readyEndpoints = twinned(
  'ready_endpoints',
  'The number of ready endpoints in the inference server pool.',
  { suffix: 'ready_pods', text: 'The number of ready pods in the inference server pool.' },
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
