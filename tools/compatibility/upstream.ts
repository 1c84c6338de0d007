// What llm-d-router v0.10.0 offers on its surface: headers, flags, metrics. Plugin types stand in scheduler-core.

/** One purpose of a header or a metadata key. */
export interface UpstreamHeader {
  readonly purpose: string;
  readonly keys: readonly string[];
  /** What becomes of it here. */
  readonly here: string;
}

const both = 'both keys are read';

export const headers: readonly UpstreamHeader[] = [
  {
    purpose: 'fairness, tenant',
    keys: ['x-llm-d-inference-fairness-id', 'x-gateway-inference-fairness-id'],
    here: both,
  },
  {
    purpose: 'objective',
    keys: ['x-llm-d-inference-objective', 'x-gateway-inference-objective'],
    here: both,
  },
  {
    purpose: 'model override',
    keys: ['x-llm-d-model-name-rewrite', 'x-gateway-model-name-rewrite'],
    here: both,
  },
  {
    purpose: 'time to first token wanted (ms)',
    keys: ['x-llm-d-slo-ttft-ms', 'x-slo-ttft-ms'],
    here: both,
  },
  {
    purpose: 'time per token wanted (ms)',
    keys: ['x-llm-d-slo-tpot-ms', 'x-slo-tpot-ms'],
    here: both,
  },
  {
    purpose: 'longest wait in the queue',
    keys: ['x-llm-d-inference-ttl'],
    here: 'read, though later than v0.10.0',
  },
  {
    purpose: 'video hints',
    keys: ['x-llm-d-video-fps', 'x-llm-d-video-duration-seconds', 'x-llm-d-video-resolution'],
    here: 'read by the estimate of token-producer',
  },
  {
    purpose: 'chosen endpoint, to the proxy',
    keys: ['x-gateway-destination-endpoint'],
    here: 'header and metadata `envoy.lb`; one address, a list with `--destination-fallbacks`',
  },
  {
    purpose: 'scores, to the proxy',
    keys: ['x-gateway-destination-endpoint-scores'],
    here: 'with `--emit-endpoint-scores`',
  },
  {
    purpose: 'endpoint that served, from the proxy',
    keys: ['x-gateway-destination-endpoint-served'],
    here: 'given to response plugins',
  },
  {
    purpose: 'subset of candidates, from the proxy',
    keys: ['x-gateway-destination-endpoint-subset'],
    here: 'metadata `envoy.lb.subset_hint`, list or comma string, with the head or the body; ports count',
  },
  {
    purpose: 'reason of a refusal, to the client',
    keys: ['x-llm-d-request-dropped-reason'],
    here: 'on every refusal',
  },
  {
    purpose: 'prefill endpoint, to the sidecar',
    keys: ['x-prefiller-host-port'],
    here: 'set by the profile handlers; from a client it is removed',
  },
  {
    purpose: 'encode endpoints, to the sidecar',
    keys: ['x-encoder-hosts-ports'],
    here: 'set by the profile handlers; from a client it is removed',
  },
  {
    purpose: 'data-parallel rank',
    keys: ['x-data-parallel-host-port', 'x-data-parallel-rank'],
    here: 'set by data-parallel-profile-handler; from a client it is removed',
  },
  {
    purpose: 'KV cache source',
    keys: ['x-kv-cache-source-host-port'],
    here: 'removed from clients; p2p-source-producer is not there yet',
  },
  {
    purpose: 'stage, from the coordinator',
    keys: ['epp-profile'],
    here: 'read by header-profile-handler; removed where that is not configured',
  },
  {
    purpose: 'session',
    keys: ['x-session-token', 'x-session-id'],
    here: 'read and written by the session plugins',
  },
  {
    purpose: 'conditional decode',
    keys: ['prefer'],
    here: '`if-available` answers 412 without a cached prefix, with any prefix producer',
  },
  {
    purpose: 'selection in conformance tests',
    keys: ['test-epp-endpoint-selection'],
    here: 'read by header-based-testing-filter; removed where that is not configured',
  },
  {
    purpose: 'served endpoint in conformance tests',
    keys: ['x-conformance-test-served-endpoint'],
    here: 'written by destination-endpoint-served-verifier',
  },
  {
    purpose: 'mark on answers',
    keys: ['x-went-into-resp-headers'],
    here: 'with `--upstream-headers` only',
  },
];

/** Flags with their defaults. */
export const flags: Readonly<Record<string, string>> = {
  'grpc-port': '9002',
  'grpc-health-port': '9003',
  'metrics-port': '9090',
  'pool-name': '',
  'endpoint-selector': '',
  'endpoint-target-ports': '',
  'pool-namespace': '',
  'pool-group': 'inference.networking.k8s.io',
  'config-file': '',
  'config-text': '',
  'allow-experimental-plugins': 'false',
  'refresh-metrics-interval': '50ms',
  'refresh-prometheus-metrics-interval': '5s',
  'metrics-staleness-threshold': '2s',
  'disable-endpoint-subset-filter': 'false',
  'emit-endpoint-scores': 'false',
  'ha-enable-leader-election': 'false',
  'drain-timeout': '30s',
  'secure-serving': 'true',
  'cert-path': '',
  'enable-cert-reload': 'false',
  'tls-min-version': '',
  'tls-cipher-suites': '',
  'health-checking': 'false',
  'grpc-max-recv-msg-size': '',
  'grpc-max-send-msg-size': '',
  'enable-grpc-stream-metrics': 'false',
  'metrics-endpoint-auth': 'true',
  'metrics-cert-dir': '',
  'metrics-client-ca-file': '',
  'enable-pprof': 'true',
  tracing: 'true',
  v: '2',
  'zap-encoder': '',
  'zap-devel': '',
  'zap-log-level': '',
  'zap-stacktrace-level': '',
  'zap-time-encoding': '',
};

const family = (prefix: string, names: string): readonly string[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => prefix + name);

/** Metrics under their current names. */
export const metrics: readonly string[] = [
  ...family(
    'llm_d_epp_',
    `request_total request_running request_error_total request_duration_seconds request_size_bytes response_size_bytes
     request_input_tokens request_output_tokens request_cached_tokens request_ntpot_seconds request_ttft_seconds
     request_streaming_tpot_seconds request_streaming_itl_seconds average_kv_cache_utilization average_queue_size
     average_running_requests std_dev_kv_cache_utilization std_dev_queue_size std_dev_running_requests ready_endpoints
     per_endpoint_queue_size scheduler_e2e_duration_seconds scheduler_attempts_total request_processing_duration_seconds
     response_processing_duration_seconds plugin_duration_seconds plugin_data_scope_violations_total info
     model_rewrite_decisions_total datalayer_poll_errors_total datalayer_extract_errors_total prefix_indexer_size
     prefix_indexer_hit_ratio prefix_indexer_hit_bytes encoder_cache_queries_total encoder_cache_hits_total
     encoder_cache_hit_ratio inference_request_metric request_predicted_ttft_seconds request_predicted_tpot_seconds
     request_ttft_prediction_duration_seconds request_tpot_prediction_duration_seconds request_slo_violation_total
     disagg_decision_total pd_decision_total disaggregatedset_strict_header_no_match_total
     disaggregatedset_revision_gating_share program_aware_jains_fairness_index program_aware_avg_wait_time_milliseconds
     program_aware_attained_service_tokens flow_control_request_queue_duration_seconds
     flow_control_dispatch_cycle_duration_seconds flow_control_request_enqueue_duration_seconds flow_control_queue_size
     flow_control_queue_bytes flow_control_pool_saturation flow_control_stale_endpoints
     flow_control_capacity_utilization_requests flow_control_capacity_utilization_bytes
     flow_control_global_capacity_utilization_requests flow_control_global_capacity_utilization_bytes
     flow_control_requests_total flow_control_revocations_issued_total flow_control_revocations_total
     flow_control_reclaim_target flow_control_pending_reclaim flow_control_revocation_confirmation_seconds
     extproc_streams_inflight extproc_stream_duration_seconds extproc_streams_total inflight_requests inflight_tokens
     kv_cache_index_admissions_total kv_cache_index_evictions_total kv_cache_index_lookup_requests_total
     kv_cache_index_lookup_hits_total kv_cache_index_max_pod_hit_count_total kv_cache_index_lookup_latency_seconds`,
  ),
];
