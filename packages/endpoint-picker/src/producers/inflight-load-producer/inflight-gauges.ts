// SPDX-License-Identifier: Apache-2.0
import type { Endpoint, SchedulingRequest } from '@llm-d/scheduler-core';
import type { Gauge, Metrics } from '@llm-d/telemetry';
import { inflightRequests, inflightTokens } from '../../metric-definitions/data-series.ts';
import { createKnownValues } from '../../picker/known-values.ts';

/** What one flow has in flight on one server, as it is shown. */
export interface FlowGauges {
  change(requests: number, tokens: number): void;
}

/** What is shown of one server. */
export interface ServerGauges {
  flowOf(request: SchedulingRequest): FlowGauges;
  /** Takes everything back that is shown. Changes of exchanges that outlive the server show nothing. */
  close(): void;
}

/** Idle flows that a server keeps showing as zero; without a bound, servers times tenants would be shown for ever. */
const MOST_IDLE_FLOWS = 16;

/** Shows loads under the name of a producer. */
export function createInflightGauges(
  metrics: Metrics,
  producer: string,
): (endpoint: Endpoint) => ServerGauges {
  const boundFairness = createKnownValues();
  return ({ name, namespace }) => {
    const flows = new Map<string, Flow>();
    let isClosed = false;
    const forget = (key: string, { labels }: Flow): void => {
      flows.delete(key);
      metrics.remove(inflightRequests, labels);
      metrics.remove(inflightTokens, labels);
    };
    const open = (key: string, fairness_id: string, priority: string): Flow => {
      const labels = {
        endpoint_name: name,
        namespace,
        producer_name: producer,
        fairness_id,
        priority,
      };
      const flow = new Flow(labels, metrics, () => {
        if (flows.size > MOST_IDLE_FLOWS && flows.get(key) === flow) forget(key, flow);
      });
      flows.set(key, flow);
      return flow;
    };
    return {
      flowOf: ({ fairnessId, priority }) => {
        if (isClosed) return unseen;
        const fairness = boundFairness(fairnessId);
        const key = `${priority}\n${fairness}`;
        return flows.get(key) ?? open(key, fairness, String(priority));
      },
      close: () => {
        isClosed = true;
        for (const [key, flow] of flows) {
          flow.isShown = false;
          forget(key, flow);
        }
      },
    };
  };
}

const unseen: FlowGauges = { change: () => undefined };

interface FlowLabels {
  readonly endpoint_name: string;
  readonly namespace: string;
  readonly producer_name: string;
  readonly fairness_id: string;
  readonly priority: string;
}

class Flow implements FlowGauges {
  readonly labels: FlowLabels;
  isShown = true;
  #requests = 0;
  #tokens = 0;
  readonly #requestsGauge: Gauge;
  readonly #tokensGauge: Gauge;
  readonly #idle: () => void;

  constructor(labels: FlowLabels, metrics: Metrics, idle: () => void) {
    this.labels = labels;
    this.#requestsGauge = metrics.gauge(inflightRequests, labels);
    this.#tokensGauge = metrics.gauge(inflightTokens, labels);
    this.#idle = idle;
  }

  change(requests: number, tokens: number): void {
    this.#requests += requests;
    this.#tokens += tokens;
    if (!this.isShown) return;
    this.#requestsGauge.set(this.#requests);
    this.#tokensGauge.set(this.#tokens);
    if (this.#requests === 0) this.#idle();
  }
}
