// SPDX-License-Identifier: Apache-2.0
import { Client, credentials, Metadata, type ClientDuplexStream } from '@grpc/grpc-js';
import {
  externalProcessorProcessPath,
  healthCheckRequest,
  healthCheckResponse,
  processingRequest,
  processingResponse,
  type ProcessingRequestInit,
  type ProcessingResponse,
} from '@llm-d/protos';
import { recordingLogger, type LogLine } from '@llm-d/telemetry/testing';
import { createTempDir, type TempDir } from '@llm-d/test-kit';
import { startEpp, type Epp } from './app.ts';
import { readCommand, type EppOptions } from './options.ts';

/** What a command line settles to; throws what it is refused with. */
export function optionsOf(...args: readonly string[]): EppOptions {
  const command = readCommand(args);
  if (command.kind !== 'run') throw new Error('the command line asks for something else');
  return command.options;
}

/** Writes an endpoints file and a configuration that names it; returns the configuration's path. */
export async function writeConfig(folder: TempDir, ports: readonly number[]): Promise<string> {
  const list = ports.map((port) => `- {name: server-${port}, address: 127.0.0.1, port: ${port}}\n`);
  const endpoints = list.length === 0 ? ' []\n' : `\n${list.join('')}`;
  const path = await folder.write('endpoints.yaml', `endpoints:${endpoints}`);
  return folder.write(
    'config.yaml',
    `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- {type: queue-scorer}
- {type: prefix-cache-scorer}
- {type: file-discovery, parameters: {path: ${path}}}
dataLayer: {discovery: {pluginRef: file-discovery}}
`,
  );
}

/** An endpoint picker in this process on free ports, and what it logged. */
export type TestEpp = Epp &
  AsyncDisposable & { readonly lines: readonly LogLine[]; readonly folder: TempDir };

/** Starts one in front of the servers on these ports. It ends with its scope. */
export async function startTestEpp(
  ports: readonly number[],
  ...args: readonly string[]
): Promise<TestEpp> {
  const folder = await createTempDir();
  const free = ['--grpc-port=0', '--grpc-health-port=0', '--metrics-port=0'];
  const local = ['--bind-address=127.0.0.1', '--drain-timeout=0', '--tracing=false'];
  const options = optionsOf(
    ...free,
    ...local,
    `--config-file=${await writeConfig(folder, ports)}`,
    ...args,
  );
  const logger = recordingLogger();
  const epp = await startEpp(options, logger);
  return Object.assign(Object.create(epp) as Epp, {
    lines: logger.lines,
    folder,
    [Symbol.asyncDispose]: async () => {
      await epp.close();
      await folder[Symbol.asyncDispose]();
    },
  });
}

/** One ext_proc stream of a proxy. */
export interface ProxyStream {
  say(...messages: readonly ProcessingRequestInit[]): void;
  /** The next reply; rejects when the stream ends first. */
  next(): Promise<ProcessingResponse>;
  /** Resets it, as proxies do. */
  reset(): void;
  /** The status code that the stream ended with. */
  readonly ended: Promise<number>;
}

/** A proxy's connection; closes with its scope. */
export interface Proxy extends Disposable {
  open(): ProxyStream;
  /** Asks for the health of a service; the status's name. */
  health(service: string): Promise<string>;
}

const HEALTH_NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const same = (bytes: Buffer): Buffer => bytes;

/** Connects to a port, over TLS without verification where `secure`. */
export function connectProxy(port: number, { secure = false } = {}): Proxy {
  const channel = secure
    ? credentials.createSsl(null, null, null, { rejectUnauthorized: false })
    : credentials.createInsecure();
  const client = new Client(`localhost:${port}`, channel, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
  });
  return {
    open: () => proxyStream(client),
    health: (service) =>
      new Promise((resolve, reject) => {
        const request = healthCheckRequest.encode({ service });
        const path = '/grpc.health.v1.Health/Check';
        client.makeUnaryRequest(path, same, same, request, (error, bytes) => {
          if (error !== null || bytes === undefined) reject(error ?? new Error('no answer'));
          else resolve(HEALTH_NAMES[healthCheckResponse.decode(bytes).status] ?? '?');
        });
      }),
    [Symbol.dispose]: () => {
      client.close();
    },
  };
}

function proxyStream(client: Client): ProxyStream {
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
    externalProcessorProcessPath,
    same,
    same,
    new Metadata(),
    {},
  );
  const replies: ProcessingResponse[] = [];
  const waiting: PromiseWithResolvers<ProcessingResponse>[] = [];
  call.on('data', (bytes: Buffer) => {
    const reply = processingResponse.decode(bytes);
    const waiter = waiting.shift();
    if (waiter === undefined) replies.push(reply);
    else waiter.resolve(reply);
  });
  call.on('error', () => undefined);
  const ended = new Promise<number>((resolve) => {
    call.on('status', ({ code }: { code: number }) => {
      for (const waiter of waiting) waiter.reject(new Error(`the stream ended with ${code}`));
      resolve(code);
    });
  });
  return {
    say: (...messages) => {
      for (const message of messages) call.write(processingRequest.encode(message));
    },
    next: () => {
      const reply = replies.shift();
      if (reply !== undefined) return Promise.resolve(reply);
      const waiter = Promise.withResolvers<ProcessingResponse>();
      waiting.push(waiter);
      return waiter.promise;
    },
    reset: () => {
      call.cancel();
    },
    ended,
  };
}
