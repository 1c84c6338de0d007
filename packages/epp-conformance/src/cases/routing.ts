// SPDX-License-Identifier: Apache-2.0
import { valuesOf } from '../proxy/header-list.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { expectEqual, expectThat, shown } from './difference.ts';
import { destinationOf, expectFinished, expectRouted } from './expectations.ts';
import { chat, jsonAnswer } from './requests.ts';

/** How a request is sent to its place. */
export const routingCases: readonly ConformanceCase[] = [
  {
    id: 'routing.answer-order',
    title:
      'A request with a body gets one answer to its headers, then its body, whose last chunk ends it',
    level: 'must',
    run: async (bench) => {
      const result = await bench.exchange(chat(bench, { lingerMs: 30 }));
      expectFinished(result);
      expectEqual('answers', result.answers, [
        'request-headers',
        'request-body',
        'response-headers',
        'response-body',
      ]);
      expectEqual('last chunks of the request body', result.requestBody.ends, 1);
    },
  },
  {
    id: 'routing.destination-header',
    title:
      'The header x-gateway-destination-endpoint names an endpoint of the pool as address:port',
    level: 'must',
    run: async (bench) => {
      expectRouted(bench, await bench.exchange(chat(bench)));
    },
  },
  {
    id: 'routing.destination-metadata',
    title: 'Dynamic metadata envoy.lb/x-gateway-destination-endpoint says the same as the header',
    level: 'must',
    run: async (bench) => {
      const routing = expectRouted(bench, await bench.exchange(chat(bench)));
      expectEqual('destination in metadata', routing.metadataDestination, routing.destination);
    },
  },
  {
    id: 'routing.clear-route-cache',
    title: 'The answer to the headers clears the route cache',
    level: 'must',
    run: async (bench) => {
      const routing = expectRouted(bench, await bench.exchange(chat(bench)));
      expectEqual('clear_route_cache', routing.clearsRouteCache, true);
    },
  },
  {
    id: 'routing.content-length-true',
    title: 'A content-length that is set is the length of the body that is passed on',
    level: 'must',
    run: async (bench) => {
      const result = await bench.exchange(chat(bench));
      const { headers } = expectRouted(bench, result);
      for (const value of valuesOf(headers, 'content-length')) {
        expectEqual('content-length', value, String(result.requestBody.bytes.length));
      }
    },
  },
  {
    id: 'routing.content-length-set',
    title: 'A request with a body gets a content-length',
    level: 'should',
    run: async (bench) => {
      const { headers } = expectRouted(bench, await bench.exchange(chat(bench)));
      expectThat(valuesOf(headers, 'content-length').length > 0, 'content-length is not set');
    },
  },
  {
    id: 'routing.raw-values',
    title: 'Header values are in raw_value',
    level: 'should',
    run: async (bench) => {
      const { change } = expectRouted(bench, await bench.exchange(chat(bench)));
      const others = change.set.filter(({ field, value }) => field === 'value' && value !== '');
      expectEqual('headers with their value in another field', others, []);
    },
  },
  {
    id: 'routing.header-only',
    title: 'A request without a body gets its destination at once, in header and metadata',
    level: 'must',
    run: async (bench) => {
      const result = await bench.exchange({
        path: '/v1/models',
        answer: jsonAnswer('{}'),
        lingerMs: 30,
      });
      const routing = expectRouted(bench, result);
      expectEqual('answers to the request', result.answers.slice(0, 2), [
        'request-headers',
        'response-headers',
      ]);
      expectEqual('destination in metadata', routing.metadataDestination, routing.destination);
    },
  },
  {
    id: 'routing.whole-fleet',
    title: 'Header-only requests reach every endpoint sooner or later',
    level: 'should',
    run: async (bench) => {
      const seen = new Set<string>();
      for (let i = 0; i < 60 && seen.size < bench.fleet.hostPorts.length; i++) {
        seen.add(destinationOf(bench, await bench.exchange({ path: '/v1/models' })));
      }
      const unseen = bench.fleet.hostPorts.filter((endpoint) => !seen.has(endpoint));
      expectThat(unseen.length === 0, `never chosen in 60 requests: ${unseen.join(', ')}`);
    },
  },
  {
    id: 'routing.interleaved',
    title: 'Fifty exchanges at once on one connection do not get into each other’s way',
    level: 'must',
    run: async (bench) => {
      const exchanges = Array.from({ length: 50 }, async (_, i) => {
        const script = chat(bench, { headers: [['x-request-id', `interleaved-${i}`]] });
        const result = await bench.exchange(script);
        const { headers } = expectRouted(bench, result);
        expectEqual('x-request-id', valuesOf(headers, 'x-request-id'), [`interleaved-${i}`]);
        expectThat(
          result.requestBody.bytes.equals(Buffer.from(script.body ?? '')),
          `exchange ${i} got another body: ${shown(result.requestBody.bytes.toString())}`,
        );
      });
      await Promise.all(exchanges);
    },
  },
];
