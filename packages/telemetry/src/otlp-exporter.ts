// SPDX-License-Identifier: Apache-2.0
import { Client, Metadata, credentials, type ClientUnaryCall } from '@grpc/grpc-js';
import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Logger } from './logger.ts';
import type { TracingSettings } from './tracing-environment.ts';

/** Timers as a dependency; a clock has them. */
export interface Timers {
  schedule(delayMs: number, callback: () => void): { cancel(): void };
}

export interface OtlpExporterOptions extends Pick<
  TracingSettings,
  'endpoint' | 'headers' | 'exportTimeoutMs'
> {
  readonly logger: Logger;
  readonly timers: Timers;
}

/** After a failure nothing is tried for so long: what is certain to be lost need not be encoded. */
const REST_MS = 5000;
const METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

/**
 * Sends spans as OTLP over gRPC. Spans that cannot be delivered are dropped: the first failure is logged, and the first
 * success after it. To those who hand spans over every export is a success.
 */
export class OtlpExporter implements SpanExporter {
  readonly #options: OtlpExporterOptions;
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #calls = new Set<ClientUnaryCall>();
  #isFailing = false;
  #rest: { cancel(): void } | undefined;

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
    const { protocol, host } = new URL(options.endpoint);
    const channel = protocol === 'https:' ? credentials.createSsl() : credentials.createInsecure();
    this.#client = new Client(host, channel);
    for (const [name, value] of Object.entries(options.headers)) this.#metadata.set(name, value);
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    const { timers, exportTimeoutMs } = this.#options;
    if (this.#rest !== undefined) {
      done({ code: ExportResultCode.SUCCESS });
      return;
    }
    const finish = (error: Error | null): void => {
      this.#report(error);
      done({ code: ExportResultCode.SUCCESS });
    };
    try {
      const call = this.#client.makeUnaryRequest(
        METHOD,
        asBuffer,
        asBuffer,
        ProtobufTraceSerializer.serializeRequest(spans) ?? new Uint8Array(),
        this.#metadata,
        (error) => {
          timer.cancel();
          this.#calls.delete(call);
          finish(error);
        },
      );
      const timer = timers.schedule(exportTimeoutMs, () => {
        call.cancel();
      });
      this.#calls.add(call);
    } catch (error) {
      finish(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Gives up what is on its way. */
  abandon(): void {
    for (const call of this.#calls) call.cancel();
  }

  shutdown(): Promise<void> {
    this.#rest?.cancel();
    this.#client.close();
    return Promise.resolve();
  }

  #report(error: Error | null): void {
    const { logger, endpoint } = this.#options;
    if (error !== null && !this.#isFailing) {
      logger.warn('traces cannot be delivered and are dropped', { endpoint, error: error.message });
    } else if (error === null && this.#isFailing) {
      logger.info('traces are delivered again', { endpoint });
    }
    this.#isFailing = error !== null;
    if (error === null) return;
    this.#rest?.cancel();
    this.#rest = this.#options.timers.schedule(REST_MS, () => {
      this.#rest = undefined;
    });
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
