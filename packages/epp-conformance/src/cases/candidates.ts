// SPDX-License-Identifier: Apache-2.0
import { hostPort } from '../engines/endpoint-source.ts';
import type { ExchangeScript, SubsetHint } from '../exchange/exchange-script.ts';
import { valuesOf, applyHeaderChange } from '../proxy/header-list.ts';
import type { Bench } from './bench.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { expectEqual, expectThat, NotJudged } from './difference.ts';
import { destinationOf, DROP_REASON, expectRefused } from './expectations.ts';
import { chat } from './requests.ts';

/** Enough that the right place every time is no accident. */
const REPEATS = 12;

const NO_ENDPOINTS =
  'inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request';

async function destinations(
  bench: Bench,
  more: Partial<ExchangeScript>,
): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  for (let i = 0; i < REPEATS; i++) {
    seen.add(destinationOf(bench, await bench.exchange(chat(bench, more))));
  }
  return seen;
}

/** A subset hint lets only these endpoints be chosen, by their places in the fleet. */
const limits =
  (
    hint: (hostPorts: readonly string[]) => SubsetHint,
    allowed: readonly number[],
    subsetOn: NonNullable<ExchangeScript['subsetOn']> = 'request',
  ): ConformanceCase['run'] =>
  async (bench) => {
    const { hostPorts } = bench.fleet;
    if (hostPorts.length < 2) throw new NotJudged('it takes two endpoints');
    const subset = hint(hostPorts);
    const seen = await destinations(bench, { subset, subsetOn });
    const expected = allowed.flatMap((place) => hostPorts[place] ?? []);
    const strangers = [...seen].filter((destination) => !expected.includes(destination));
    expectThat(
      strangers.length === 0,
      `with the hint ${JSON.stringify(subset)} ${strangers.join(', ')} was chosen`,
    );
  };

const place = (hostPorts: readonly string[], i: number): string => hostPorts[i] ?? '';

const refusal = async (bench: Bench, subset: SubsetHint | undefined) =>
  bench.exchange(chat(bench, { ...(subset !== undefined && { subset }) }));

/** An address that belongs to nobody. */
const NOBODY: SubsetHint = ['192.0.2.1:80'];

/** Which endpoints may be chosen. */
export const candidateCases: readonly ConformanceCase[] = [
  {
    id: 'candidates.subset-one',
    title: 'A subset hint of one endpoint leaves no choice',
    level: 'must',
    run: limits((hostPorts) => [place(hostPorts, 1)], [1]),
  },
  {
    id: 'candidates.subset-several',
    title: 'A subset hint of two endpoints excludes the others',
    level: 'must',
    run: limits((hostPorts) => [place(hostPorts, 0), place(hostPorts, 1)], [0, 1]),
  },
  {
    id: 'candidates.subset-address',
    title: 'A subset hint may name an address without a port',
    level: 'must',
    run: (bench) => {
      const addresses = bench.fleet.endpoints.map(({ address }) => address);
      if (new Set(addresses).size < addresses.length) {
        throw new NotJudged('endpoints share an address');
      }
      return limits(() => [place(addresses, 1)], [1])(bench);
    },
  },
  {
    id: 'candidates.subset-text',
    title: 'A subset hint may be one text with commas',
    level: 'should',
    run: limits((hostPorts) => `${place(hostPorts, 0)},${place(hostPorts, 1)}`, [0, 1]),
  },
  {
    id: 'candidates.subset-with-strangers',
    title: 'Endpoints of a subset hint that do not exist are passed over',
    level: 'must',
    run: limits((hostPorts) => ['192.0.2.1:80', place(hostPorts, 1)], [1]),
  },
  {
    id: 'candidates.subset-with-body-only',
    title: 'A subset hint counts that comes with the body alone',
    level: 'must',
    run: limits((hostPorts) => [place(hostPorts, 1)], [1], 'body'),
  },
  {
    id: 'candidates.subset-with-headers-only',
    title: 'A subset hint counts that comes with the headers alone',
    level: 'upstream-defect',
    run: limits((hostPorts) => [place(hostPorts, 1)], [1], 'headers'),
  },
  {
    id: 'candidates.subset-header-only-request',
    title: 'A subset hint counts for requests without a body',
    level: 'upstream-defect',
    run: async (bench) => {
      const subset = [place(bench.fleet.hostPorts, 1)];
      for (let i = 0; i < REPEATS; i++) {
        const result = await bench.exchange({ path: '/v1/models', subset });
        expectEqual('destination', destinationOf(bench, result), subset[0]);
      }
    },
  },
  {
    id: 'candidates.subset-port',
    title: 'A subset hint tells ports of one address apart',
    level: 'upstream-defect',
    setup: 'one-address',
    run: limits((hostPorts) => [place(hostPorts, 1)], [1]),
  },
  {
    id: 'candidates.ports-are-endpoints',
    title: 'Two ports of one address are two endpoints, and both are used',
    level: 'must',
    setup: 'one-address',
    run: async (bench) => {
      const seen = new Set<string>();
      for (let i = 0; i < 60 && seen.size < 2; i++) {
        seen.add(destinationOf(bench, await bench.exchange(chat(bench))));
      }
      expectEqual('endpoints that were chosen', seen.size, 2);
    },
  },
  {
    id: 'candidates.subset-nobody',
    title: 'Where the subset hint names nobody who exists, the client gets 503',
    level: 'must',
    run: async (bench) => {
      expectRefused(await refusal(bench, NOBODY), 503);
    },
  },
  {
    id: 'candidates.subset-empty',
    title: 'Where the subset hint is an empty list, the client gets 503',
    level: 'must',
    run: async (bench) => {
      expectRefused(await refusal(bench, []), 503);
    },
  },
  {
    id: 'candidates.drop-reason',
    title: 'That 503 has the header x-llm-d-request-dropped-reason: rejected-no-endpoints',
    level: 'must',
    run: async (bench) => {
      const result = await refusal(bench, NOBODY);
      expectRefused(result, 503);
      const headers = applyHeaderChange([], result.immediate?.change ?? { set: [], removed: [] });
      expectEqual(DROP_REASON, valuesOf(headers, DROP_REASON), ['rejected-no-endpoints']);
    },
  },
  {
    id: 'candidates.refusal-text',
    title: 'That 503 has llm-d’s text',
    level: 'should',
    run: async (bench) => {
      expectEqual('body', expectRefused(await refusal(bench, NOBODY), 503), NO_ENDPOINTS);
    },
  },
  {
    id: 'candidates.no-endpoints',
    title: 'Where there are no endpoints at all, the client gets 503 with a drop reason',
    level: 'must',
    setup: 'empty',
    run: async (bench) => {
      const result = await refusal(bench, undefined);
      expectRefused(result, 503);
      const headers = applyHeaderChange([], result.immediate?.change ?? { set: [], removed: [] });
      expectEqual(DROP_REASON, valuesOf(headers, DROP_REASON), ['rejected-no-endpoints']);
    },
  },
  {
    id: 'candidates.no-endpoints-header-only',
    title: 'Where there are no endpoints, a request without a body gets an error, not silence',
    level: 'must',
    setup: 'empty',
    run: async (bench) => {
      expectRefused(await bench.exchange({ path: '/v1/models' }), 500, 503);
    },
  },
  {
    id: 'candidates.no-endpoints-header-only-text',
    title: 'That error is llm-d’s 500 with its text',
    level: 'should',
    setup: 'empty',
    run: async (bench) => {
      const body = expectRefused(await bench.exchange({ path: '/v1/models' }), 500);
      expectEqual('body', body, 'inference error: Internal - no pods available in datastore');
    },
  },
  {
    id: 'candidates.endpoint-leaves',
    title: 'An endpoint that leaves is chosen no more, and is chosen again when it is back',
    level: 'should',
    run: async (bench) => {
      const source = bench.source();
      const { endpoints } = bench.fleet;
      const [gone, ...rest] = endpoints;
      expectThat(gone !== undefined, 'there are no endpoints');
      const isChosen = async () => (await destinations(bench, {})).has(hostPort(gone));
      await source.publish(rest);
      expectThat(await bench.eventually(async () => !(await isChosen())), 'it is still chosen');
      await source.publish(endpoints);
      expectThat(await bench.eventually(isChosen), 'it is not chosen again');
    },
  },
];
