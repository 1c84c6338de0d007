// SPDX-License-Identifier: Apache-2.0
import {
  findRedisServer,
  pathOf,
  startRedisServer,
  type RunningRedisServer,
} from '@llm-d/test-kit';
import { once } from 'node:events';
import { connect } from 'node:net';
import { GENERATOR_CORE, pinProcess } from './pinning.ts';

/** A Redis of its own core. */
export async function startPinnedRedis(): Promise<RunningRedisServer> {
  const server = await startRedisServer({ path: pathOf(await findRedisServer()) });
  pinProcess(await redisInfo(server.port, 'process_id'), GENERATOR_CORE);
  return server;
}

/** A number that Redis says of itself. */
export async function redisInfo(
  port: number,
  field: 'process_id' | 'used_memory',
): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  socket.write('INFO server\r\nINFO memory\r\nQUIT\r\n');
  await once(socket, 'close');
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(text)?.[1]);
}
