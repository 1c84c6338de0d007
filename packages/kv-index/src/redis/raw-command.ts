// SPDX-License-Identifier: Apache-2.0
import { type Cluster, Command, Pipeline, Redis } from 'ioredis';

/** The bytes of a whole command, with what is needed to route it. */
export interface RawBytes {
  readonly name: string;
  readonly key: string;
  readonly bytes: Buffer;
}

/**
 * A command whose bytes are already written. The client only routes it, by its key, and pairs it with its answer, whose
 * texts are buffers: encoding thousands of arguments one by one would cost more than everything else together.
 */
export class RawCommand extends Command {
  readonly #bytes: Buffer;

  constructor({ name, key, bytes }: RawBytes) {
    super(name, [key]);
    this.#bytes = bytes;
  }

  override toWritable(): Buffer {
    return this.#bytes;
  }
}

/** A command with arguments as they come; texts in its answer are strings. */
export const plainCommand = (name: string, ...parameters: (string | number)[]): Command =>
  new Command(name, parameters, { replyEncoding: 'utf8' });

/**
 * Sends commands in their order and returns their answers. One Redis gets them in one write, because each write costs as
 * much as some dozen rows; in a cluster they may have to go to several nodes.
 */
export function sendTogether(
  client: Redis | Cluster,
  commands: readonly Command[],
): Promise<unknown>[] {
  if (client instanceof Redis) {
    const pipeline = new Pipeline(client);
    for (const command of commands) pipeline.sendCommand(command);
    // Each command has its own answer.
    pipeline.exec().catch(() => undefined);
  } else for (const command of commands) client.sendCommand(command);
  return commands.map(({ promise }) => promise as Promise<unknown>);
}
