import type { Does } from './misbehaviour.testing.ts';

/** Counts what happens, and tells it as a metrics page. */
export class ScriptedBooks {
  readonly #does: Does;
  requests = 0;
  running = 0;
  errors = 0;
  inputTokens = 0;

  constructor(does: Does) {
    this.#does = does;
  }

  text(endpoints: number): string {
    const does = this.#does;
    const prefix = does('metrics by own names') ? 'mine' : 'llm_d_epp';
    const former = (name: string) => (does('metrics by own names') ? `my_${name}` : name);
    const requests = does('counts twice') ? 2 * this.requests : this.requests;
    const ready = does('endpoints untold') ? 0 : endpoints;
    const histograms = [
      ...[
        'request_duration_seconds',
        'request_size_bytes',
        'response_size_bytes',
        'request_output_tokens',
      ],
      ...['scheduler_e2e_duration_seconds', 'plugin_duration_seconds'],
    ].map((name) => `${prefix}_${name}_count 1`);
    const gauges = [
      ...['average_kv_cache_utilization', 'average_queue_size', 'average_running_requests'],
      ...['scheduler_attempts_total', 'info'],
    ].map((name) => `${prefix}_${name} 1`);
    const formers = [
      ...[
        'inference_objective_request_duration_seconds_count',
        'inference_objective_request_sizes_count',
      ],
      ...['inference_objective_response_sizes_count', 'inference_objective_output_tokens_count'],
      ...['inference_pool_average_kv_cache_utilization', 'inference_pool_average_queue_size'],
      'inference_extension_scheduler_e2e_duration_seconds_count',
      ...['inference_extension_plugin_duration_seconds_count', 'inference_extension_info'],
    ].map((name) => `${former(name)} 1`);
    return [
      `# TYPE ${prefix}_request_total counter`,
      `${prefix}_request_total{model_name="test-model"} ${requests}`,
      `${former('inference_objective_request_total')}{model_name="test-model"} ${requests}`,
      `${prefix}_request_running ${this.running}`,
      `${former('inference_objective_running_requests')} ${this.running}`,
      `${prefix}_request_error_total ${this.errors}`,
      `${prefix}_request_input_tokens_sum ${this.inputTokens}`,
      `${prefix}_request_input_tokens_count ${this.requests}`,
      `${former('inference_objective_input_tokens')}_sum ${this.inputTokens}`,
      `${former('inference_objective_input_tokens')}_count ${this.requests}`,
      `${prefix}_ready_endpoints{name="pool"} ${ready}`,
      `${former('inference_pool_ready_pods')}{name="pool"} ${ready}`,
      ...histograms,
      ...gauges,
      ...formers,
      '',
    ].join('\n');
  }
}
