// SPDX-License-Identifier: Apache-2.0
import type { Timer } from '@llm-d/determinism';
import type { LatencyHistogram } from './latency-histogram.ts';
import type { RequestRecord } from './request-record.ts';
import type {
  FailureKind,
  ReportedUsage,
  RequestFailure,
  Submission,
  Target,
  TargetCallbacks,
} from './target.ts';
import type { WorkloadRequest } from './workload.ts';

/** What a meter needs of the run it belongs to. */
export interface RequestMeterOptions {
  /** Milliseconds since the start of the run. */
  readonly now: () => number;
  /** Whether the text of the answer is kept for the workload. */
  readonly keepText: boolean;
  /** Takes the gaps between the pieces of the answer; undefined leaves them out. */
  readonly interTokenLatency: LatencyHistogram | undefined;
  /** Called once, at the end, whatever it is. */
  readonly ended: (meter: RequestMeter, record: RequestRecord) => void;
}

/** Follows one request from its sending to its end and turns it into a record. */
export class RequestMeter implements TargetCallbacks {
  readonly request: WorkloadRequest;
  readonly #options: RequestMeterOptions;
  #submission: Submission | undefined;
  #timeout: Timer | undefined;
  #sentAtMs: number | undefined;
  #streaming = true;
  #firstContentAtMs: number | undefined;
  #lastContentAtMs = 0;
  #pieces = 0;
  #texts: string[] = [];
  #usage: ReportedUsage = {};
  #status: number | undefined;
  #endpoint: string | undefined;
  #done = false;

  constructor(request: WorkloadRequest, options: RequestMeterOptions) {
    this.request = request;
    this.#options = options;
  }

  /** Text of a complete answer; empty if it failed or texts are not kept. */
  get text(): string {
    return this.#texts.join('');
  }

  /** Sends the request; `timeout` is cancelled when it has ended. */
  send(target: Target, timeout: Timer): void {
    this.#timeout = timeout;
    this.#streaming = target.streaming;
    this.#sentAtMs = this.#options.now();
    this.#submission = target.submit(this.request, this);
  }

  /** Ends a request that has not ended. */
  giveUp(kind: FailureKind, message: string): void {
    if (this.#done) return;
    this.#submission?.abort();
    this.#end({ kind, message });
  }

  onResponse(response: { readonly status?: number; readonly endpoint?: string }): void {
    this.#status = response.status;
    this.#endpoint = response.endpoint;
  }

  onContent(text: string): void {
    const nowMs = this.#options.now();
    if (this.#firstContentAtMs === undefined) this.#firstContentAtMs = nowMs;
    else this.#options.interTokenLatency?.record(nowMs - this.#lastContentAtMs);
    this.#lastContentAtMs = nowMs;
    this.#pieces++;
    if (this.#options.keepText) this.#texts.push(text);
  }

  onUsage(usage: ReportedUsage): void {
    this.#usage = usage;
  }

  onEnd(): void {
    this.#end(undefined);
  }

  onFailure(failure: RequestFailure): void {
    this.#end(failure);
  }

  #end(failure: RequestFailure | undefined): void {
    if (this.#done) return;
    this.#done = true;
    this.#timeout?.cancel();
    if (failure !== undefined) this.#texts = [];
    this.#options.ended(this, this.#record(failure));
  }

  #record(failure: RequestFailure | undefined): RequestRecord {
    const { intendedAtMs, inputTokens, sessionId } = this.request;
    const { promptTokens, cachedTokens, completionTokens } = this.#usage;
    const outputTokens = completionTokens ?? this.#pieces;
    const firstMs = this.#streaming ? this.#firstContentAtMs : undefined;
    const ttftMs = firstMs === undefined ? undefined : firstMs - intendedAtMs;
    const tpotMs = this.#tpotMs(outputTokens);
    return {
      intendedAtMs,
      inputTokens,
      outputTokens,
      e2eMs: this.#options.now() - intendedAtMs,
      ...(this.#sentAtMs !== undefined && { sentAtMs: this.#sentAtMs }),
      ...(sessionId !== undefined && { sessionId }),
      ...(ttftMs !== undefined && { ttftMs }),
      ...(tpotMs !== undefined && { tpotMs }),
      ...(promptTokens !== undefined && { promptTokens }),
      ...(cachedTokens !== undefined && { cachedTokens }),
      ...(this.#status !== undefined && { status: this.#status }),
      ...(this.#endpoint !== undefined && { endpoint: this.#endpoint }),
      ...(failure && { failure }),
    };
  }

  #tpotMs(outputTokens: number): number | undefined {
    if (this.#firstContentAtMs === undefined || this.#pieces < 2 || outputTokens < 2)
      return undefined;
    return (this.#lastContentAtMs - this.#firstContentAtMs) / (outputTokens - 1);
  }
}
