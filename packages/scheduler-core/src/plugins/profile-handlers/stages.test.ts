import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Endpoint } from '../../endpoint.ts';
import { createScheduler, type SchedulingProfile } from '../../scheduler.ts';
import { makeCycle, makeEndpoint } from '../../testing/index.ts';
import { createStageHandler } from './stages.ts';

const profileOf = (name: string): SchedulingProfile => ({
  name,
  filters: [
    {
      name: 'role',
      plugin: {
        filter: (_cycle, candidates) => candidates.filter((e) => e.labels[name] === 'yes'),
      },
    },
  ],
  scorers: [],
  picker: { name: 'first', plugin: { pick: (_cycle, { endpoints }) => endpoints.slice(0, 1) } },
});

const deciderOf = (disaggregate: boolean | undefined) =>
  disaggregate === undefined
    ? undefined
    : { name: 'decider', plugin: { decide: () => ({ disaggregate, reason: 'so' }) } };

const answer = fc.option(fc.boolean(), { nil: undefined });
const setting = fc.record({
  order: fc.constantFrom('decode-first' as const, 'prefill-first' as const),
  further: fc.subarray(['prefill', 'encode']),
  fleet: fc.array(fc.subarray(['decode', 'prefill', 'encode']), { maxLength: 4 }),
  prefill: answer,
  encode: answer,
});

test('every order, fleet and answer: stages run once, as they were asked for, and decode decides', () => {
  fc.assert(
    fc.property(setting, ({ order, further, fleet, prefill, encode }) => {
      const handler = createStageHandler({
        order,
        decode: 'decode',
        prefill: 'prefill',
        encode: 'encode',
        prefillDecider: deciderOf(prefill),
        encodeDecider: deciderOf(encode),
      });
      const profiles = ['decode', ...further].map(profileOf);
      const endpoints: Endpoint[] = fleet.map((roles, i) =>
        roles.reduce((endpoint, role) => endpoint.label(role, 'yes'), makeEndpoint(`e${i}`, i)),
      );
      const {
        kind,
        outcomes,
        notes = [],
      } = createScheduler({ profiles, handler }).schedule(makeCycle(), endpoints);
      const canDecode = fleet.some((roles) => roles.includes('decode'));
      expect(kind).toBe(canDecode ? 'scheduled' : 'no-endpoint');
      expect(outcomes.has('decode')).toBe(true);
      const prefills = order === 'prefill-first' || (prefill === true && canDecode);
      expect(outcomes.has('prefill')).toBe(prefills && further.includes('prefill'));
      const encodes = encode === true && (order === 'prefill-first' || canDecode);
      expect(outcomes.has('encode')).toBe(encodes && further.includes('encode'));
      const ran = [...outcomes.keys()].filter((name) => name !== 'decode').sort();
      const noted = notes.filter(({ runs }) => runs).map(({ profile }) => profile);
      expect(noted.sort()).toEqual(ran);
    }),
  );
});

test('a decider whose stage has no profile is told of', () => {
  const handler = createStageHandler({
    order: 'decode-first',
    decode: 'decode',
    prefill: 'p',
    encode: 'encode',
    prefillDecider: deciderOf(true),
    encodeDecider: undefined,
  });
  const scheduler = createScheduler({ profiles: [profileOf('decode')], handler });
  const outcome = scheduler.schedule(makeCycle(), [makeEndpoint('a').label('decode', 'yes')]);
  expect(outcome).toMatchObject({
    kind: 'scheduled',
    notes: [{ profile: 'p', runs: false, decider: 'decider', reason: 'there is no profile p' }],
  });
});
