// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import type { KvPorts } from './child.ts';

/** A model server of a stack. */
export interface ListedEngine {
  readonly url: string;
  /** Undefined where it is not known, and the usual ports count. */
  readonly kvPorts?: KvPorts | undefined;
}

/** A server that a list of engines cannot have. */
export class EngineListError extends Error {
  readonly code = 'ENGINE_LIST';
  readonly url: string;
  constructor(url: string) {
    super(`${url}: KV events need the server’s IP address instead of its name`);
    this.name = 'EngineListError';
    this.url = url;
  }
}

/**
 * The file from which gateway and kv-relay learn where servers are and at which ports each publishes KV events. Names are
 * those that the gateway gives to servers that it is told one by one. Throws {@link EngineListError}.
 */
export function engineListOf(engines: readonly ListedEngine[]): string {
  const endpoints = engines.map(({ url, kvPorts }) => {
    const { hostname, host, port } = new URL(url);
    const address = hostname.replace(/^\[|\]$/g, '');
    if (isIP(address) === 0) throw new EngineListError(url);
    return {
      name: port === '' ? `${host}:80` : host,
      address,
      port: port === '' ? 80 : Number(port),
      ...(kvPorts && {
        labels: {
          'llm-d.ai/kv-events-port': String(kvPorts.events),
          'llm-d.ai/kv-replay-port': String(kvPorts.replays),
        },
      }),
    };
  });
  return JSON.stringify({ endpoints }, null, 1);
}
