// SPDX-License-Identifier: Apache-2.0
import type { JsonObject, RenderedObject } from '../json.ts';
import { measuredPoolOf } from '../router/inference-pool.ts';
import type { Settings } from '../settings/settings.ts';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'warning' | 'critical';
  readonly summary: string;
}

/** Alerts of a ModelService: it is not there, it fails, it is slow to begin, it is full. */
export function alertsOf(settings: Settings): RenderedObject {
  const { names, labels, spec, name } = settings;
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: names.epp, labels: { ...labels.object, ...spec.monitoring?.labels } },
    spec: { groups: [{ name: `modelservice-${name}`, rules: alerts(settings).map(ruleOf) }] },
  };
}

const ruleOf = ({ severity, summary, ...rest }: Alert): JsonObject => ({
  ...rest,
  labels: { severity },
  annotations: { summary },
});

function alerts(settings: Settings): readonly Alert[] {
  const { name, model, namespace } = settings;
  const selector = (fields: Readonly<Record<string, string>>): string => {
    const all = { ...fields, ...(namespace !== undefined && { namespace }) };
    const terms = Object.entries(all).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
    return `{${terms.join(',')}}`;
  };
  const pool = selector({ name: measuredPoolOf(settings) });
  const served = selector({ model_name: model.name });
  return [
    {
      alert: 'ModelServiceHasNoServers',
      expr: `max(llm_d_epp_ready_endpoints${pool}) < 1 or absent(llm_d_epp_ready_endpoints${pool})`,
      for: '5m',
      severity: 'critical',
      summary: `No server of ModelService ${name} is ready, or nobody says how many are.`,
    },
    {
      alert: 'ModelServiceFails',
      expr: `sum(rate(llm_d_epp_request_error_total${served}[5m])) / sum(rate(llm_d_epp_request_total${served}[5m])) > 0.05`,
      for: '5m',
      severity: 'critical',
      summary: `More than 5 % of the requests to ModelService ${name} fail.`,
    },
    {
      alert: 'ModelServiceBeginsLate',
      expr: `histogram_quantile(0.9, sum by (le) (rate(llm_d_epp_request_ttft_seconds_bucket${served}[5m]))) > 10`,
      for: '10m',
      severity: 'warning',
      summary: `A tenth of the answers of ModelService ${name} begin after more than 10 s.`,
    },
    {
      alert: 'ModelServiceIsFull',
      expr: `max(llm_d_epp_average_kv_cache_utilization${pool}) > 0.95 and max(llm_d_epp_average_queue_size${pool}) > 5`,
      for: '10m',
      severity: 'warning',
      summary: `Caches of ModelService ${name} are full and requests wait.`,
    },
  ];
}
