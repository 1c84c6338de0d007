// SPDX-License-Identifier: Apache-2.0
import type { HeaderList } from '../proxy/header-list.ts';
import { valuesOf } from '../proxy/header-list.ts';
import type { Bench } from './bench.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { expectEqual, expectThat, shown } from './difference.ts';
import { destinationOf, expectRouted } from './expectations.ts';
import { chat, jsonAnswer } from './requests.ts';

const SELECTION = 'test-epp-endpoint-selection';
const SERVED = 'x-conformance-test-served-endpoint';
const REPEATS = 10;

/** With this header, only the endpoints at these places are chosen. */
const selects =
  (
    value: (hostPorts: readonly string[], addresses: readonly string[]) => string,
    places: readonly number[],
  ): ConformanceCase['run'] =>
  async (bench) => {
    const { hostPorts, endpoints } = bench.fleet;
    const selection = value(
      hostPorts,
      endpoints.map(({ address }) => address),
    );
    const headers: HeaderList = [[SELECTION, selection]];
    const expected = places.flatMap((place) => hostPorts[place] ?? []);
    for (let i = 0; i < REPEATS; i++) {
      const destination = destinationOf(bench, await bench.exchange(chat(bench, { headers })));
      expectThat(expected.includes(destination), `${shown(selection)} selected ${destination}`);
    }
  };

async function servedHeader(bench: Bench, served: string | null): Promise<readonly string[]> {
  const headers: HeaderList = [[SELECTION, bench.fleet.hostPorts[0] ?? '']];
  const answer = { ...jsonAnswer(), served };
  const result = await bench.exchange(chat(bench, { headers, answer }));
  expectRouted(bench, result);
  return valuesOf(result.responseHeaders, SERVED);
}

const contract = (rest: Omit<ConformanceCase, 'setup' | 'level'>): ConformanceCase => ({
  setup: 'contract',
  level: 'must',
  ...rest,
});

/** What the conformance suite for gateways relies on. */
export const contractCases: readonly ConformanceCase[] = [
  contract({
    id: 'contract.select-address',
    title: 'test-epp-endpoint-selection with an address chooses among that address’s ports',
    run: selects((_, addresses) => addresses[1] ?? '', [1, 2]),
  }),
  contract({
    id: 'contract.select-address-and-port',
    title: 'With address and port it chooses exactly that endpoint',
    run: selects((hostPorts) => hostPorts[2] ?? '', [2]),
  }),
  contract({
    id: 'contract.select-list',
    title: 'With a list it chooses among its members',
    run: selects((hostPorts) => `${hostPorts[0] ?? ''}, ${hostPorts[2] ?? ''}`, [0, 2]),
  }),
  contract({
    id: 'contract.select-nobody',
    title: 'With an address that nobody has, the client gets an error',
    run: async (bench) => {
      const headers: HeaderList = [[SELECTION, '192.0.2.1']];
      const { immediate, routing } = await bench.exchange(chat(bench, { headers }));
      expectThat(
        immediate !== undefined && immediate.status >= 400,
        `expected an error, got ${shown(immediate?.status ?? routing?.destination)}`,
      );
    },
  }),
  contract({
    id: 'contract.served-endpoint',
    title:
      'The answer’s header x-conformance-test-served-endpoint repeats what the proxy says has served',
    run: async (bench) => {
      expectEqual(SERVED, await servedHeader(bench, '127.0.1.9:3000'), ['127.0.1.9:3000']);
    },
  }),
  contract({
    id: 'contract.served-endpoint-unknown',
    title: 'Where the proxy does not say who has served, that header begins with “fail:”',
    run: async (bench) => {
      const [value = ''] = await servedHeader(bench, null);
      expectThat(value.startsWith('fail:'), `${SERVED} is ${shown(value)}`);
    },
  }),
];
