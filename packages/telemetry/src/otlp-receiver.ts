// SPDX-License-Identifier: Apache-2.0
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { decodeTraceExport, type ReceivedSpan } from './otlp-decoding.ts';

export type { ReceivedSpan } from './otlp-decoding.ts';

/** A collector for tests: takes OTLP over gRPC and keeps what it gets. */
export interface OtlpReceiver extends AsyncDisposable {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly endpoint: string;
  /** In the order in which they came. */
  readonly spans: readonly ReceivedSpan[];
  /** Resolves once a span of this name has come. */
  received(name: string): Promise<ReceivedSpan>;
}

export interface OtlpReceiverOptions {
  /** Takes exports and never answers. Default false. */
  readonly isDeaf?: boolean;
  /** Default any that is free. */
  readonly port?: number;
}

/** Starts one on the loopback interface. */
export async function startOtlpReceiver(options: OtlpReceiverOptions = {}): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const waiting = new Set<() => void>();
  const server = new Server();
  server.addService(SERVICE, {
    export: (call: { readonly request: Buffer }, answer: (error: null, reply: Buffer) => void) => {
      spans.push(...decodeTraceExport(call.request));
      for (const wake of waiting) wake();
      if (options.isDeaf !== true) answer(null, Buffer.alloc(0));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const address = `127.0.0.1:${options.port ?? 0}`;
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    received: (name) =>
      new Promise((resolve) => {
        const look = (): void => {
          const span = spans.find((candidate) => candidate.name === name);
          if (span === undefined) return;
          waiting.delete(look);
          resolve(span);
        };
        waiting.add(look);
        look();
      }),
    [Symbol.asyncDispose]: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

const same = (bytes: Buffer): Buffer => bytes;

const SERVICE = {
  export: {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
} as const;
