// SPDX-License-Identifier: Apache-2.0
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  type MetricDefinition,
} from '@llm-d/telemetry';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Inference requests that came in. */
export const requests = defineCounter(
  'llm_d_routing_sidecar_requests_total',
  'Inference requests by API and by who served them: prefill-decode (a prefiller and the decode server), decode (the decode server alone), refused.',
  ['api', 'route'],
);
/** Requests of every kind that are being handled. */
export const inFlight = defineGauge(
  'llm_d_routing_sidecar_requests_in_flight',
  'Requests of every kind that are being handled.',
);
/** Requests sent to prefillers. */
export const prefillAttempts = defineCounter(
  'llm_d_routing_sidecar_prefill_attempts_total',
  'Requests to prefillers by how they ended: well, status (an error status), unreachable, reset, timeout, too-large, bad-answer, no-engine, breaker-open (not sent), unsendable, aborted (the client left).',
  ['outcome'],
);
/** How long prefills take that end well. */
export const prefillDuration = defineHistogram(
  'llm_d_routing_sidecar_prefill_duration_seconds',
  'Time from sending a request to a prefiller to the end of its answer, where that is good.',
  SECONDS,
);
/** How long decodes take. */
export const decodeDuration = defineHistogram(
  'llm_d_routing_sidecar_decode_duration_seconds',
  'Time from sending an inference request to the decode server to the end of its answer.',
  SECONDS,
);
/** Requests that went on without the prefiller they were to have first. */
export const fallbacks = defineCounter(
  'llm_d_routing_sidecar_prefill_fallbacks_total',
  'Times that a failed prefill was made up for, by what did: next-prefiller or local-prefill.',
  ['by'],
);
/** Requests that a server failed. */
export const requestErrors = defineCounter(
  'llm_d_routing_sidecar_request_errors_total',
  'Inference requests that were answered with an error because of a server, by the stage it served: prefill or decode.',
  ['stage'],
);
/** Caches that nobody will fetch. */
export const strandedTransfers = defineCounter(
  'llm_d_routing_sidecar_stranded_transfers_total',
  'Prefills that ended well and whose cache is not known to have been fetched, by why: decode-failed or client-gone. The prefiller keeps it until its own time limit.',
  ['reason'],
);
/** Prefills after which there was nothing to fetch. */
export const missingTransfers = defineCounter(
  'llm_d_routing_sidecar_missing_transfers_total',
  'Prefills that ended well and named no cache to be fetched, so that the decode server computed the prompt again.',
);
/** Servers that a header named and that may not be asked. */
export const deniedTargets = defineCounter(
  'llm_d_routing_sidecar_denied_targets_total',
  'Servers that a header named and that are not in the pool or list, by what they were to do: prefill or kv-source.',
  ['role'],
);
/** Requests that carried what only the platform may say. */
export const strippedRequests = defineCounter(
  'llm_d_routing_sidecar_stripped_requests_total',
  'Requests from whose body transfer parameters of engines were taken out.',
);
/** Prefillers that get no requests. */
export const openBreakers = defineGauge(
  'llm_d_routing_sidecar_open_breakers',
  'Prefillers that get no requests, or one to find out, because they failed.',
);

/** Every metric of the sidecar. */
export const sidecarMetrics: readonly MetricDefinition[] = [
  requests,
  inFlight,
  prefillAttempts,
  prefillDuration,
  decodeDuration,
  fallbacks,
  requestErrors,
  strandedTransfers,
  missingTransfers,
  deniedTargets,
  strippedRequests,
  openBreakers,
];
