import { expect, test } from 'vitest';
import { latencyPredictions } from '../../../attributes/latency-predictions.ts';
import {
  makeCycle,
  makeEndpoint,
  makeLatencyPredictions,
  makePlugin,
} from '../../../testing/index.ts';
import { sloHeadroomTierFilter } from './slo-headroom-tier-filter.ts';

const candidates = ['a', 'b', 'c'].map((name) => makeEndpoint(name));
const [ok, lateFirst, lateRest] = [
  { ttftHeadroomMs: 0, tpotHeadroomMs: 0 },
  { ttftHeadroomMs: -1 },
  { tpotHeadroomMs: -1 },
];

function kept(headrooms: Parameters<typeof makeLatencyPredictions>[0], draw = 0.5): string {
  const { filter } = makePlugin(sloHeadroomTierFilter, {}, { random: { next: () => draw } });
  const attributes = [[latencyPredictions(), makeLatencyPredictions(headrooms)]] as const;
  const passed = filter?.filter(makeCycle({ attributes }), candidates) ?? [];
  return passed.map(({ name }) => name).join('');
}

test.each([
  ['what meets both objectives', { a: ok, b: lateFirst, c: lateRest }, 0.5, 'a'],
  ['what is predicted to, not what nothing is known of', { a: ok, b: ok }, 0.5, 'ab'],
  ['all where all meet them', { a: ok, b: ok, c: ok }, 0.001, 'abc'],
  ['all where none does', { a: lateFirst, b: lateRest }, 0.5, 'abc'],
  ['all where nothing is predicted', {}, 0.001, 'abc'],
  ['the others once in a hundred times', { a: ok, b: lateFirst }, 0.0099, 'bc'],
  ['no more often', { a: ok, b: lateFirst }, 0.01, 'a'],
])('the headroom filter keeps %s', (_name, headrooms, draw, expected) => {
  expect(kept(headrooms, draw)).toBe(expected);
});

test('the headroom filter keeps all where the predictor did not run', () => {
  expect(makePlugin(sloHeadroomTierFilter).filter?.filter(makeCycle(), candidates)).toBe(
    candidates,
  );
});
