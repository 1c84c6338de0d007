// SPDX-License-Identifier: Apache-2.0

/** vLLM's rule: an endpoint for anybody is bound, one with an address is dialled and the consumer binds. */
export function isBound(endpoint: string): boolean {
  return /\*|::/.test(endpoint) || /^(ipc|inproc):\/\//.test(endpoint);
}

/**
 * The endpoint of the engine so many places after the first: TCP ports are counted up, names inside the process get
 * `_dp<offset>`, others stay. Port 0 stays too: the system chooses one for each.
 */
export function offsetEndpoint(endpoint: string, offset: number): string {
  if (offset === 0) return endpoint;
  if (endpoint.startsWith('inproc://')) return `${endpoint}_dp${offset}`;
  return endpoint.replace(/^(tcp:.*:)(\d+)$/, (_, address: string, port: string) => {
    return address + String(port === '0' ? 0 : Number(port) + offset);
  });
}

/** The TCP port of an endpoint, undefined where it has none. */
export function portOf(endpoint: string): number | undefined {
  const port = /^tcp:.*:(\d+)$/.exec(endpoint)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** llm-d's topic of the server at this address: `kv@10.0.0.1:8000@Qwen/Qwen3-32B`. */
export function topicOf(ip: string, port: number, model: string): string {
  return `kv@${ip}:${port}@${model}`;
}
