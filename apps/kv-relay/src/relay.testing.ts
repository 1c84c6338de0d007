// SPDX-License-Identifier: Apache-2.0
import type { KvMessage } from '@llm-d/kv-events';
import { connectNatsKvBus } from '@llm-d/kv-events/nats';
import {
  collect,
  encodeBatch,
  startEngineSocket,
  type EngineSocket,
} from '@llm-d/kv-events/testing';
import type { NatsServer, TempDir } from '@llm-d/test-kit';
import { noopLogger } from '@llm-d/telemetry';
import { startRelay, type RunningRelay } from './app.ts';
import { relayCommand, type RelayOptions } from './options.ts';

const portOf = (endpoint = ''): string => /:(\d+)$/.exec(endpoint)?.[1] ?? '';

/** An entry of an endpoints file for an engine of this machine. */
export const entryOf = (name: string, engine: EngineSocket, servingPort = 8000): object => ({
  ...{ name, address: '127.0.0.1', port: servingPort },
  labels: {
    'llm-d.ai/kv-events-port': portOf(engine.endpoint),
    ...(engine.replayEndpoint !== undefined && {
      'llm-d.ai/kv-replay-port': portOf(engine.replayEndpoint),
    }),
  },
});

export const writeEngines = (folder: TempDir, entries: readonly object[]): Promise<string> =>
  folder.write('engines.json', JSON.stringify({ endpoints: entries }));

/** What a relay for this server and file is told. */
export const relayArgs = (server: NatsServer, file: string): readonly string[] => [
  ...['--nats', server.url, '--endpoints', file],
  ...['--host', '127.0.0.1', '--admin-port', '0', '--log-level', 'warn'],
];

/** A relay in this process. Disposing of it ends it in good order. */
export async function startTestRelay(
  args: readonly string[],
): Promise<RunningRelay & AsyncDisposable> {
  let options: RelayOptions | undefined;
  const command = relayCommand('1', {}, (given) => {
    options = given;
    return Promise.resolve();
  });
  await command.parseAsync([...args], { from: 'user' });
  if (options === undefined) throw new Error('the command line asks for nothing');
  const running = await startRelay(options, noopLogger);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= running.close());
  return { ...running, close, [Symbol.asyncDispose]: close };
}

/** Everything on the bus, as it comes. */
export async function readBus(server: NatsServer) {
  const bus = await connectNatsKvBus({ servers: server.url, reconnectDelayMs: 20 });
  const reader = collect(bus);
  return {
    reader,
    /** Batches of a pod as `epoch sequence`. */
    batches: (pod = '127.0.0.1:8000') =>
      reader.messages.flatMap((message: KvMessage) =>
        message.kind === 'batch' && message.source.pod === pod
          ? [`${message.source.epoch} ${message.sequence}`]
          : [],
      ),
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
}

export const someEngine = (): Promise<EngineSocket> =>
  startEngineSocket({ topic: 'kv@127.0.0.1:8000@m' });

let published = 0;

/** Publishes so many batches, all different, with time for others in between. */
export async function publish(engine: EngineSocket, batches: number): Promise<void> {
  for (let i = 0; i < batches; i++) {
    await engine.publish(encodeBatch([], { timestampSeconds: published++ / 1000 }));
    if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What `epoch` and all numbers up to it read as in `batches`. */
export const upTo = (epoch: string, batches: number): readonly string[] =>
  Array.from({ length: batches }, (_, sequence) => `${epoch} ${sequence}`);
