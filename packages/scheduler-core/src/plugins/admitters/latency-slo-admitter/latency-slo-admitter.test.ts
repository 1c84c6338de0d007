import { expect, test } from 'vitest';
import { latencyPredictions } from '../../../attributes/latency-predictions.ts';
import {
  makeCycle,
  makeEndpoint,
  makeLatencyPredictions,
  makePlugin,
  type EndpointBuilder,
} from '../../../testing/index.ts';
import { latencySloAdmitter } from './latency-slo-admitter.ts';

interface Case {
  readonly name: string;
  readonly admitted: boolean;
  readonly priority?: number;
  readonly header?: readonly [string, string];
  readonly a?: EndpointBuilder;
  readonly predictions?: Parameters<typeof makeLatencyPredictions>[0] | undefined;
}

const busy = makeEndpoint('a').running(3).kvUsage(0.5);
const late = { ttftHeadroomMs: -1 };
const allLate = { a: late, b: { tpotHeadroomMs: -1 } };

const cases: readonly Case[] = [
  { name: 'all endpoints late', admitted: false },
  { name: 'all late, former header', admitted: false, header: ['x-slo-tpot-ms', '20'] },
  {
    name: 'one that nothing is predicted for is no help',
    admitted: false,
    predictions: { a: late },
  },
  { name: 'priority 0', admitted: true, priority: 0 },
  { name: 'no objective', admitted: true, header: ['x-other', '1'] },
  { name: 'an objective that is no number', admitted: true, header: ['x-slo-ttft-ms', 'fast'] },
  { name: 'one endpoint in time', admitted: true, predictions: { a: {}, b: late } },
  { name: 'one idle endpoint', admitted: true, a: busy.running(0) },
  { name: 'one cold endpoint', admitted: true, a: busy.kvUsage(0.019) },
  { name: 'nothing predicted', admitted: true, predictions: {} },
  { name: 'no predictor', admitted: true, predictions: undefined },
];

test.each(cases)('$name: admitted $admitted', (c) => {
  const { admitted, priority = -1, header = ['x-llm-d-slo-ttft-ms', '200'], a = busy } = c;
  const predictions = 'predictions' in c ? c.predictions : allLate;
  const cycle = makeCycle({
    request: { priority, headers: new Map([header]) },
    attributes:
      predictions === undefined
        ? []
        : [[latencyPredictions(), makeLatencyPredictions(predictions)]],
  });
  const { admitter } = makePlugin(latencySloAdmitter);
  const admission = admitter?.admit(cycle, [a, makeEndpoint('b').running(1).kvUsage(0.9)]);
  expect(admission).toMatchObject(admitted ? { admitted } : { admitted, status: 429 });
});
