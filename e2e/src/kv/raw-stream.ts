// SPDX-License-Identifier: Apache-2.0
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type MsgHdrs } from '@nats-io/transport-node';

const STREAM = 'KV_EVENTS';
/** By which the server knows a message again that is published twice. */
const MESSAGE_ID = 'Nats-Msg-Id';

/** A message as it lies on the stream. */
export interface RawMessage {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Uint8Array;
}

/** The stream as somebody sees it who knows nothing of KV events. */
export interface RawStream extends AsyncDisposable {
  /** Everything that it keeps. */
  messages(): Promise<readonly RawMessage[]>;
  /** Puts a message on it, which the server takes for a new one in any case. Gives its place. */
  publish(message: RawMessage): Promise<number>;
}

/** Connects to the NATS at `url`, where the stream is already. */
export async function openRawStream(url: string): Promise<RawStream> {
  const connection = await connect({ servers: url });
  const stream = jetstream(connection);
  const manager = await jetstreamManager(connection);
  return {
    messages: async () => {
      const { state } = await manager.streams.info(STREAM);
      const consumer = await stream.consumers.get(STREAM, {});
      const found: RawMessage[] = [];
      if (state.messages === 0) return found;
      for await (const received of await consumer.fetch({ max_messages: state.messages })) {
        found.push({
          ...{ subject: received.subject, data: received.data },
          headers: fieldsOf(received.headers),
        });
        if (received.info.pending === 0) break;
      }
      return found;
    },
    publish: async ({ subject, headers: fields, data }) => {
      const sent = headers();
      for (const [name, value] of Object.entries(fields)) sent.set(name, value);
      return (await stream.publish(subject, data, { headers: sent })).seq;
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

const fieldsOf = (received: MsgHdrs | undefined): Record<string, string> =>
  Object.fromEntries(
    (received?.keys() ?? [])
      .filter((name) => name !== MESSAGE_ID)
      .map((name) => [name, received?.get(name) ?? '']),
  );
