// SPDX-License-Identifier: Apache-2.0
import { jetstreamManager } from '@nats-io/jetstream';
import { Objm } from '@nats-io/obj';
import { connect } from '@nats-io/transport-node';
import type { NatsServer } from '@llm-d/test-kit';
import { connectNatsKvBus, type NatsKvBus, type NatsKvBusOptions } from './nats-kv-bus.ts';

type FreshBusOptions = Partial<
  Omit<NatsKvBusOptions, 'stream' | 'subjectPrefix' | 'heartbeatPrefix'>
>;

let names = 0;

/** Options of a bus that shares nothing with others on the server. */
export const freshBus = (server: NatsServer, options: FreshBusOptions = {}) => {
  const name = `T${++names}`;
  return {
    ...{ servers: server.url, stream: name, reconnectDelayMs: 20, idleHeartbeatMs: 500 },
    ...{ subjectPrefix: `${name}.ev`, heartbeatPrefix: `${name}.hb` },
    ...options,
  };
};

export const connectFresh = (
  server: NatsServer,
  options: FreshBusOptions = {},
): Promise<NatsKvBus> => connectNatsKvBus(freshBus(server, options));

/** A connection that knows nothing of buses. */
export async function openJetStream(server: NatsServer) {
  const nc = await connect({ servers: server.url.replace('nats://', '') });
  const jsm = await jetstreamManager(nc);
  return { nc, jsm, [Symbol.asyncDispose]: () => nc.close() };
}

/** Takes pieces away from the newest snapshot: the last one, or all. */
export async function damageNewestSnapshot(
  server: NatsServer,
  bucket: string,
  pieces: 'last' | 'all' = 'last',
): Promise<void> {
  await using other = await openJetStream(server);
  const store = await new Objm(other.nc).open(bucket);
  const [newest] = (await store.list()).sort(
    (a, b) => Number(b.metadata?.['takenMs']) - Number(a.metadata?.['takenMs']),
  );
  const subject = `$O.${bucket}.C.${newest?.nuid ?? ''}`;
  const stream = `OBJ_${bucket}`;
  if (pieces === 'all') await other.jsm.streams.purge(stream, { filter: subject });
  else {
    const last = await other.jsm.streams.getMessage(stream, { last_by_subj: subject });
    await other.jsm.streams.deleteMessage(stream, last?.seq ?? 0);
  }
}
