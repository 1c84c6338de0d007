// SPDX-License-Identifier: Apache-2.0
import type { HeaderList } from '../proxy/header-list.ts';
import { valuesOf } from '../proxy/header-list.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { expectEqual, expectThat } from './difference.ts';
import { expectRouted, upstreamValue } from './expectations.ts';
import { chat } from './requests.ts';

/** Headers that steer the endpoint picker, of both generations. */
const CONTROL: HeaderList = [
  ['x-llm-d-inference-fairness-id', 'tenant-a'],
  ['x-gateway-inference-fairness-id', 'tenant-a'],
  ['x-llm-d-inference-objective', 'unknown-objective'],
  ['x-gateway-inference-objective', 'unknown-objective'],
  ['x-llm-d-slo-ttft-ms', '500'],
  ['x-slo-ttft-ms', '500'],
  ['x-llm-d-slo-tpot-ms', '50'],
  ['x-slo-tpot-ms', '50'],
];

/** Names that no answer to request headers sets, apart from the destination itself. */
const SYSTEM_OWNED = [
  ...CONTROL.map(([name]) => name),
  'x-llm-d-model-name-rewrite',
  'x-gateway-model-name-rewrite',
  'x-gateway-destination-endpoint-subset',
  'x-gateway-destination-endpoint-served',
  'x-llm-d-request-dropped-reason',
];

/** What parts of a serving stack tell each other behind the endpoint picker. */
const FORGED: HeaderList = [
  ['x-prefiller-host-port', '192.0.2.1:80'],
  ['x-encoder-hosts-ports', '192.0.2.1:80'],
  ['x-data-parallel-host-port', '192.0.2.1:80'],
  ['x-kv-cache-source-host-port', '192.0.2.1:80'],
];

const ORDINARY: HeaderList = [
  ['authorization', 'Bearer secret'],
  ['x-custom', 'Ünïcode, and a comma'],
  ['accept', 'application/json'],
  ['x-session-id', 'session-1'],
  ['cookie', 'a=1; b=2'],
];

/** Headers on their way to the model server. */
export const headerCases: readonly ConformanceCase[] = [
  {
    id: 'headers.request-id-kept',
    title: 'The client’s x-request-id reaches the model server unchanged and once',
    level: 'must',
    run: async (bench) => {
      const headers: HeaderList = [['x-request-id', 'given-by-the-client']];
      const routing = expectRouted(bench, await bench.exchange(chat(bench, { headers })));
      expectEqual('x-request-id', upstreamValue(routing, 'x-request-id'), 'given-by-the-client');
    },
  },
  {
    id: 'headers.request-id-made',
    title: 'A request without x-request-id gets one, and each another',
    level: 'must',
    run: async (bench) => {
      const idOf = async () =>
        upstreamValue(expectRouted(bench, await bench.exchange(chat(bench))), 'x-request-id');
      const ids = [await idOf(), await idOf()];
      expectThat(!ids.some((id) => id === undefined || id === ''), 'x-request-id is not set');
      expectThat(ids[0] !== ids[1], `two requests got the same x-request-id ${String(ids[0])}`);
    },
  },
  {
    id: 'headers.preserved',
    title: 'Ordinary headers and the request line reach the model server as they were, once',
    level: 'must',
    run: async (bench) => {
      const result = await bench.exchange(chat(bench, { headers: ORDINARY }));
      const routing = expectRouted(bench, result);
      for (const [name, value] of result.requestHeaders) {
        expectEqual(name, upstreamValue(routing, name.toLowerCase()), value);
      }
    },
  },
  {
    id: 'headers.trace-context',
    title: 'A client’s trace goes on: traceparent keeps its trace id, tracestate and baggage stay',
    level: 'should',
    run: async (bench) => {
      const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
      const headers: HeaderList = [
        ['traceparent', `00-${trace}-00f067aa0ba902b7-01`],
        ['tracestate', 'vendor=1'],
        ['baggage', 'user=alice'],
      ];
      const routing = expectRouted(bench, await bench.exchange(chat(bench, { headers })));
      const parent = upstreamValue(routing, 'traceparent');
      expectThat(parent?.includes(trace) ?? false, `traceparent is ${String(parent)}`);
      for (const name of ['tracestate', 'baggage']) {
        expectThat(upstreamValue(routing, name) !== undefined, `${name} is gone`);
      }
    },
  },
  {
    id: 'headers.destination-replaced',
    title: 'A destination that the client has set is replaced by the one that was chosen',
    level: 'must',
    run: async (bench) => {
      const forged = '192.0.2.1:80';
      const headers: HeaderList = [['x-gateway-destination-endpoint', forged]];
      const routing = expectRouted(bench, await bench.exchange(chat(bench, { headers })));
      expectEqual(
        'destination',
        upstreamValue(routing, 'x-gateway-destination-endpoint'),
        routing.destination,
      );
    },
  },
  {
    id: 'headers.destination-replaced-header-only',
    title: 'So it is for a request without a body',
    level: 'must',
    run: async (bench) => {
      const headers: HeaderList = [['x-gateway-destination-endpoint', '192.0.2.1:80']];
      const routing = expectRouted(bench, await bench.exchange({ path: '/v1/models', headers }));
      expectEqual(
        'destination',
        upstreamValue(routing, 'x-gateway-destination-endpoint'),
        routing.destination,
      );
    },
  },
  {
    id: 'headers.system-owned',
    title: 'Headers that steer the endpoint picker are never set by it',
    level: 'should',
    run: async (bench) => {
      const { change } = expectRouted(
        bench,
        await bench.exchange(chat(bench, { headers: CONTROL })),
      );
      const set = change.set.map(({ name }) => name.toLowerCase());
      expectEqual(
        'system-owned headers that are set',
        set.filter((name) => SYSTEM_OWNED.includes(name)),
        [],
      );
    },
  },
  {
    id: 'headers.forged-removed',
    title: 'Headers by which parts of the platform steer each other are taken from clients',
    level: 'upstream-defect',
    run: async (bench) => {
      const { headers } = expectRouted(
        bench,
        await bench.exchange(chat(bench, { headers: FORGED })),
      );
      const left = FORGED.filter(([name, value]) => valuesOf(headers, name).includes(value));
      expectEqual(
        'forged headers that reach the model server',
        left.map(([name]) => name),
        [],
      );
    },
  },
  {
    id: 'headers.value-field',
    title: 'Headers in the field value are read like headers in raw_value',
    level: 'must',
    run: async (bench) => {
      const headers: HeaderList = [['x-request-id', 'in-value']];
      const script = chat(bench, { headers, headerField: 'value' });
      const routing = expectRouted(bench, await bench.exchange(script));
      expectEqual('x-request-id', upstreamValue(routing, 'x-request-id'), 'in-value');
    },
  },
  {
    id: 'headers.case-insensitive',
    title: 'Names of headers are read whatever their case',
    level: 'should',
    run: async (bench) => {
      const headers: HeaderList = [['X-Request-Id', 'in-capitals']];
      const routing = expectRouted(bench, await bench.exchange(chat(bench, { headers })));
      expectEqual('x-request-id', upstreamValue(routing, 'x-request-id'), 'in-capitals');
    },
  },
  {
    id: 'headers.large',
    title: 'A request with 50 KB of headers is routed',
    level: 'must',
    run: async (bench) => {
      const headers = Array.from(
        { length: 50 },
        (_, i) => [`x-large-${i}`, 'v'.repeat(1000)] as const,
      );
      const routing = expectRouted(bench, await bench.exchange(chat(bench, { headers })));
      expectEqual('x-large-49', upstreamValue(routing, 'x-large-49'), 'v'.repeat(1000));
    },
  },
];
