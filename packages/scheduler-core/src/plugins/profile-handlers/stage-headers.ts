// SPDX-License-Identifier: Apache-2.0
import { formatHostPort, type Endpoint } from '../../endpoint.ts';
import type { HeaderWriter } from '../../plugin-contracts.ts';
import type { SchedulingResult } from '../../scheduling-result.ts';

/** Tells the sidecar where the prompt is prefilled: `host:port`. */
const PREFILLER = 'x-prefiller-host-port';
/** Tells the sidecar where media are encoded: a comma list of `host:port`. */
const ENCODERS = 'x-encoder-hosts-ports';
/** Tells the sidecar which of its engines the request is for: `host:port`. */
const DATA_PARALLEL = 'x-data-parallel-host-port';

/** Names the endpoints of the further stages; what a client sent under these names goes. */
export function writeStageHeaders(
  headers: HeaderWriter,
  prefill: Endpoint | undefined,
  encoders: readonly Endpoint[],
): void {
  replace(headers, PREFILLER, prefill?.hostPort);
  replace(headers, ENCODERS, encoders.map(({ hostPort }) => hostPort).join(','));
}

function replace(headers: HeaderWriter, name: string, value: string | undefined): void {
  headers.delete(name);
  if (value !== undefined && value !== '') headers.set(name, value);
}

/** Names the endpoint that was chosen, where the request goes to another port of it. */
export function writeDataParallelHeader(headers: HeaderWriter, result: SchedulingResult): void {
  replace(headers, DATA_PARALLEL, result.outcomes.get(result.primary)?.picked[0]?.hostPort);
}

/** The endpoint as it is reached through the port that all ranks of its pod share. */
export const atPort = (endpoint: Endpoint, port: number): Endpoint => ({
  ...endpoint,
  port,
  hostPort: formatHostPort(endpoint.address, port),
});
