// SPDX-License-Identifier: Apache-2.0
import { decode } from '@msgpack/msgpack';
import { Dealer } from 'zeromq';

/** An event as the engine wrote it, hashes as text. Read here without the code that is tested. */
export type RawEvent =
  | {
      readonly type: 'BlockStored';
      readonly hashes: readonly string[];
      readonly parent: string | null;
      readonly tokens: readonly number[];
      readonly blockSize: number;
      /** Of the adapter; null for the model itself. */
      readonly adapter: string | null;
      /** What else is in the name of each block, such as a salt; without the adapter. */
      readonly extras: readonly (readonly string[])[];
    }
  | { readonly type: 'BlockRemoved'; readonly hashes: readonly string[] }
  | { readonly type: 'AllBlocksCleared' };

/** Everything that a process has published since it began. */
export interface EventHistory {
  /** Number of the last batch; -1 before the first. */
  readonly last: number;
  readonly events: readonly RawEvent[];
  /** Whether hashes came as bytes or as integers; undefined without blocks. */
  readonly hashes: 'bytes' | 'integers' | undefined;
}

const END = 0xffff_ffff_ffff_ffffn;
const ANSWER_TIMEOUT_MS = 30_000;

/** Asks the engine that answers replays at `port` for all of them. Rejects when some are missing. */
export async function readEventHistory(port: number): Promise<EventHistory> {
  const socket = new Dealer({
    linger: 0,
    receiveHighWaterMark: 0,
    receiveTimeout: ANSWER_TIMEOUT_MS,
  });
  try {
    socket.connect(`tcp://127.0.0.1:${port}`);
    await socket.send([Buffer.alloc(0), Buffer.alloc(8)]);
    const events: RawEvent[] = [];
    let hashes: EventHistory['hashes'];
    for (let next = 0; ; next++) {
      const [, , sequence, payload] = await socket.receive();
      const number = sequence?.readBigUInt64BE();
      if (number === END) return { last: next - 1, events, hashes };
      if (number !== BigInt(next) || payload === undefined) {
        throw new Error(`a replay goes on with batch ${number ?? 'none'} instead of ${next}`);
      }
      // A batch is [time, events, rank]; integers above 2^53 must stay exact.
      const [, raw] = decode(payload, { useBigInt64: true }) as [number, readonly RawFields[]];
      for (const event of raw) {
        hashes ??= formOf(event);
        events.push(readEvent(event));
      }
    }
  } finally {
    socket.close();
  }
}

type RawHash = bigint | number | Uint8Array;
interface RawFields {
  readonly type: string;
  readonly block_hashes?: readonly RawHash[];
  readonly parent_block_hash?: RawHash | null;
  readonly token_ids?: readonly (number | bigint)[];
  readonly block_size?: number | bigint;
  readonly lora_name?: string | null;
  readonly extra_keys?: readonly (readonly unknown[] | null)[] | null;
}

function formOf({ block_hashes: [hash] = [] }: RawFields): EventHistory['hashes'] {
  if (hash === undefined) return undefined;
  return hash instanceof Uint8Array ? 'bytes' : 'integers';
}

function readEvent(event: RawFields): RawEvent {
  const hashes = (event.block_hashes ?? []).map(textOf);
  switch (event.type) {
    case 'BlockStored': {
      const adapter = event.lora_name ?? null;
      const parent = event.parent_block_hash ?? null;
      return {
        type: 'BlockStored',
        hashes,
        parent: parent === null ? null : textOf(parent),
        tokens: (event.token_ids ?? []).map(Number),
        blockSize: Number(event.block_size),
        adapter,
        extras: hashes.map((_, i) =>
          (event.extra_keys?.[i] ?? []).map(String).filter((extra) => extra !== adapter),
        ),
      };
    }
    case 'BlockRemoved':
      return { type: 'BlockRemoved', hashes };
    case 'AllBlocksCleared':
      return { type: 'AllBlocksCleared' };
    default:
      throw new Error(`an engine published ${event.type}`);
  }
}

const textOf = (hash: RawHash): string =>
  hash instanceof Uint8Array ? Buffer.from(hash).toString('hex') : String(hash);
