// SPDX-License-Identifier: Apache-2.0
import type { ExchangeResult, Routing } from '../exchange/exchange-result.ts';
import { valuesOf } from '../proxy/header-list.ts';
import type { StreamEnd } from '../proxy/ext-proc-stream.ts';
import type { Bench } from './bench.ts';
import { Difference, expectThat, shown } from './difference.ts';

/**
 * The request got a place among the fleet's endpoints, and every message came where it may. Returns the routing. Throws
 * Difference.
 */
export function expectRouted(bench: Pick<Bench, 'fleet'>, result: ExchangeResult): Routing {
  const { routing, immediate } = result;
  if (immediate !== undefined) {
    throw new Difference(`the request was refused: ${immediate.status} ${shown(immediate.body)}`);
  }
  expectFinished(result);
  expectThat(routing !== undefined, 'the request headers were not answered');
  const { destination } = routing;
  expectThat(
    destination !== undefined && bench.fleet.hostPorts.includes(destination),
    `the destination is ${shown(destination)}, none of ${bench.fleet.hostPorts.join(', ')}`,
  );
  return routing;
}

/** Everything came that had to, and nothing where it may not. */
export function expectFinished({ silence, offences, end }: ExchangeResult): void {
  const [offence] = offences;
  expectThat(offence === undefined, `out of order: ${offences.join('; ')}`);
  expectThat(silence === undefined, `${silence ?? ''} did not come`);
  expectThat(end === undefined || isOk(end), `the stream ended with ${wordsOf(end)}`);
}

/** The client is answered with an error of this status; returns its body. */
export function expectRefused(result: ExchangeResult, ...statuses: readonly number[]): string {
  const { immediate, routing } = result;
  if (immediate === undefined) {
    const instead =
      routing === undefined
        ? wordsOf(result.end) || `silence`
        : `a place at ${shown(routing.destination)}`;
    throw new Difference(`expected an immediate response ${statuses.join(' or ')}, got ${instead}`);
  }
  expectThat(
    statuses.includes(immediate.status),
    `expected status ${statuses.join(' or ')}, got ${immediate.status} ${shown(immediate.body)}`,
  );
  return immediate.body;
}

/** Where the request went. */
export const destinationOf = (bench: Pick<Bench, 'fleet'>, result: ExchangeResult): string =>
  // expectRouted has seen to it that there is one.
  expectRouted(bench, result).destination ?? '';

/** The value that the model server gets for a header; throws Difference where it gets several. */
export function upstreamValue(
  { headers }: Pick<Routing, 'headers'>,
  name: string,
): string | undefined {
  const values = valuesOf(headers, name);
  expectThat(
    values.length <= 1,
    `${name} reaches the model server ${values.length} times: ${shown(values)}`,
  );
  return values[0];
}

export const isOk = (end: StreamEnd): boolean => end.kind === 'status' && end.code === 0;

/** How a stream ended, for people. */
export function wordsOf(end: StreamEnd | undefined): string {
  switch (end?.kind) {
    case undefined:
      return '';
    case 'status':
      return `gRPC status ${end.code}${end.message === '' ? '' : ` (${end.message})`}`;
    case 'reset':
      return `RST_STREAM with error code ${end.errorCode}`;
    case 'broken':
      return `an answer that is no gRPC: ${end.problem}`;
  }
}

/** The header that says why a request was dropped. */
export const DROP_REASON = 'x-llm-d-request-dropped-reason';
