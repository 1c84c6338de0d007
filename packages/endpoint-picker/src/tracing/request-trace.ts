// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { HeaderWriter, PluginRun, SchedulingRequest } from '@llm-d/scheduler-core';
import { noopTracer, type Span, type TraceContext, type Tracer } from '@llm-d/telemetry';
import type { AnswerRecord, DecisionRecord } from '../picker/decision-log.ts';
import type { Refusal } from '../picker/refusal.ts';
import { describeDecision } from './decision-event.ts';
import { addSchedulingSpans } from './scheduling-spans.ts';

/** One request's part in a trace: from its arrival to the end of its answer. */
export interface RequestTrace {
  /** Takes the turns of the plugins; undefined where nobody will see them. */
  readonly onRun: ((run: PluginRun) => void) | undefined;
  /** Makes the model server continue the trace. */
  continueUpstream(headers: HeaderWriter): void;
  /** It was decided where the request goes, or that it goes nowhere. */
  decided(record: DecisionRecord): void;
  /** The request is over without an answer of a model server. */
  refused(refusal: Refusal): void;
  /** Something broke. */
  failed(error: unknown): void;
  /** The answer is over. */
  answered(answer: AnswerRecord): void;
}

/** When a request came, and which try this is. */
export interface Arrival {
  /** Clock reading (ms). */
  readonly arrivedMs: number;
  readonly attempt: number;
}

export interface RequestTracingOptions {
  readonly tracer: Tracer;
  readonly clock: Clock;
  /** Types of the scorers by their names, for the names of spans. */
  readonly typeOf: (plugin: string) => string;
}

/** Opens traces with llm-d's span names: `gateway.request`, and in it `gateway.request_orchestration` until the decision. */
export function createRequestTracing(
  options: RequestTracingOptions,
): (request: SchedulingRequest, arrival: Arrival) => RequestTrace {
  const { tracer, clock } = options;
  if (tracer === noopTracer) return () => untraced;
  return (request, { arrivedMs, attempt }) => {
    const toEpochMs = clock.epochMs() - clock.nowMs();
    const span = tracer.start('gateway.request', contextOf(request.headers), {
      startEpochMs: arrivedMs + toEpochMs,
    });
    return span.isRecording
      ? new RecordedTrace(span, request, { ...options, attempt, toEpochMs })
      : unsampled(span);
  };
}

const CONTEXT_HEADERS = ['traceparent', 'tracestate', 'baggage'] as const;

function contextOf(headers: ReadonlyMap<string, string>): TraceContext {
  const context: Record<string, string> = {};
  for (const name of CONTEXT_HEADERS) {
    const value = headers.get(name);
    if (value !== undefined) context[name] = value;
  }
  return context;
}

const ignore = (): void => undefined;

/** Of a program that traces nothing. */
const untraced: RequestTrace = {
  onRun: undefined,
  continueUpstream: ignore,
  decided: ignore,
  refused: ignore,
  failed: ignore,
  answered: ignore,
};

/** Model servers are told as well that this request is not traced, so that none begins a trace of its own. */
const unsampled = (span: Span): RequestTrace => ({
  ...untraced,
  continueUpstream: (headers) => {
    writeContext(span, headers);
  },
});

function writeContext(span: Span, headers: HeaderWriter): void {
  const context = span.context();
  for (const name in context) headers.set(name, context[name] ?? '');
}

interface RecordedTraceOptions extends RequestTracingOptions {
  readonly attempt: number;
  /** Added to a clock reading (ms), it is a time since the Unix epoch. */
  readonly toEpochMs: number;
}

class RecordedTrace implements RequestTrace {
  readonly onRun: (run: PluginRun) => void;
  readonly #options: RecordedTraceOptions;
  readonly #request: Span;
  readonly #orchestration: Span;
  readonly #runs: PluginRun[] = [];

  constructor(span: Span, request: SchedulingRequest, options: RecordedTraceOptions) {
    this.#options = options;
    this.#request = span;
    span.set({
      'gen_ai.request.model': request.model,
      'gen_ai.request.id': request.id,
      'llm_d.epp.attempt': options.attempt,
    });
    this.#orchestration = span.child('gateway.request_orchestration', {
      kind: 'server',
      attributes: { target_model: request.targetModel, request_prio: request.priority },
    });
    this.onRun = (run) => this.#runs.push(run);
  }

  continueUpstream(headers: HeaderWriter): void {
    writeContext(this.#request, headers);
  }

  decided(record: DecisionRecord): void {
    const { typeOf, toEpochMs } = this.#options;
    const { outcome } = record;
    if (outcome !== undefined) {
      const runs = this.#runs.map((run) => ({
        ...run,
        startMs: run.startMs + toEpochMs,
        endMs: run.endMs + toEpochMs,
      }));
      addSchedulingSpans(this.#orchestration, outcome, { runs, record, typeOf });
    }
    this.#orchestration.event('llm_d.epp.decision', describeDecision(record));
    if (record.refusal === undefined) this.#orchestration.end();
  }

  refused({ status, reason, message }: Refusal): void {
    this.#orchestration.fail(message);
    this.#orchestration.end();
    this.#request.set({ 'http.response.status_code': status, 'llm_d.epp.dropped_reason': reason });
    this.#request.fail(message);
    this.#request.end();
  }

  failed(error: unknown): void {
    this.#orchestration.fail(error);
    this.#orchestration.end();
    this.#request.fail(error);
    this.#request.end();
  }

  answered({ termination, status, firstByteMs, usage }: AnswerRecord): void {
    this.#request.set({
      'llm_d.epp.termination': termination,
      ...(status !== undefined && { 'http.response.status_code': status }),
      ...(firstByteMs !== undefined && {
        'gen_ai.latency.time_to_first_token': firstByteMs / 1000,
      }),
      ...(usage !== undefined && {
        'gen_ai.usage.prompt_tokens': usage.promptTokens,
        'gen_ai.usage.completion_tokens': usage.completionTokens,
      }),
    });
    const isWell = termination === 'natural' && (status === undefined || status < 500);
    if (!isWell) this.#request.fail(`the exchange ended as ${termination} ${status ?? ''}`.trim());
    this.#request.end();
  }
}
