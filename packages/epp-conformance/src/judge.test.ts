import { AbortedError, systemClock as clock } from '@llm-d/determinism';
import { expect, test, vi } from 'vitest';
import type { Bench } from './cases/bench.ts';
import type { ConformanceCase } from './cases/conformance-case.ts';
import { Difference, NotJudged } from './cases/difference.ts';
import { judge } from './judge.ts';
import { scriptedSubject } from './scripted/scripted-subject.testing.ts';
import { SubjectStartError, type RunningSubject, type Subject } from './subject/subject.ts';

// The machine may be busy with something else.
vi.setConfig({ testTimeout: 60_000 });

const oneCase = (
  name: string,
  run: (bench: Bench) => Promise<void> | void,
  more: Partial<ConformanceCase> = {},
): ConformanceCase => ({
  id: `routing.${name}`,
  title: name,
  level: 'must',
  run: async (bench) => run(bench),
  ...more,
});

const fails = () => {
  throw new Difference('it is otherwise');
};
const passes = () => undefined;

/** A scripted endpoint picker with something changed about it. */
const changed = (change: (running: RunningSubject) => Partial<RunningSubject>): Subject => ({
  name: 'changed',
  start: async (setup) => {
    const running = await scriptedSubject().start(setup);
    return running.kind === 'running' ? { ...running, ...change(running) } : running;
  },
});

const resultsOf = async (cases: readonly ConformanceCase[], subject = scriptedSubject()) =>
  (await judge(subject, { clock, cases })).cases.map(({ id, result, detail }) => [
    id.slice(8),
    result,
    detail,
  ]);

test('results are what cases found, by their level', async () => {
  const cases = [
    oneCase('passes', passes),
    oneCase('fails', fails),
    oneCase('fails-softly', fails, { level: 'should' }),
    oneCase('better', passes, { level: 'upstream-defect' }),
    oneCase('as-upstream', fails, { level: 'upstream-defect' }),
    oneCase('not-judged', () => {
      throw new NotJudged('no port');
    }),
    oneCase('breaks', () => {
      throw new TypeError('x is not a function');
    }),
    oneCase('never-ends', () => new Promise(() => undefined), { limitMs: 20 }),
  ];
  expect(await resultsOf(cases)).toEqual([
    ['passes', 'pass', ''],
    ['fails', 'fail', 'it is otherwise'],
    ['fails-softly', 'fail', 'it is otherwise'],
    ['better', 'better', ''],
    ['as-upstream', 'as-upstream', 'it is otherwise'],
    ['not-judged', 'skipped', 'no port'],
    ['breaks', 'fail', 'TypeError: x is not a function'],
    ['never-ends', 'fail', 'it is not over after 0.02 s'],
  ]);
});

test('progress and results are told as they come, and the report keeps the order of the cases', async () => {
  const told: string[] = [];
  const cases = [
    oneCase('in-another-setup', passes, { setup: 'empty' }),
    oneCase('in-the-default', passes),
  ];
  const report = await judge(scriptedSubject(), {
    clock,
    cases,
    tool: { name: 'test', version: '1' },
    onCase: ({ id }, number, total) => told.push(`${number}/${total} ${id}`),
    onResult: ({ id, result }) => told.push(`${id} ${result}`),
  });
  expect(told).toEqual([
    '1/2 routing.in-the-default',
    'routing.in-the-default pass',
    '2/2 routing.in-another-setup',
    'routing.in-another-setup pass',
  ]);
  expect(report.cases.map(({ id }) => id)).toEqual(cases.map(({ id }) => id));
  expect(report).toMatchObject({
    tool: { name: 'test', version: '1' },
    subject: 'scripted',
    conforms: true,
  });
  expect(Date.parse(report.startedAt)).toBeGreaterThan(0);
});

test('a setup that cannot be had skips its cases, one that does not start fails them', async () => {
  const subject: Subject = {
    name: 'choosy',
    start: (setup) => {
      if (setup.id === 'lora') return Promise.resolve({ kind: 'unavailable', reason: 'not here' });
      return Promise.reject(new SubjectStartError(setup.id, 'it ended with code 1'));
    },
  };
  const cases = [oneCase('starts', passes), oneCase('needs-lora', passes, { setup: 'lora' })];
  expect(await resultsOf(cases, subject)).toEqual([
    ['starts', 'fail', 'the endpoint picker did not start with default: it ended with code 1'],
    ['needs-lora', 'skipped', 'not here'],
  ]);
});

test('an endpoint picker that dies fails the case that saw it, and the others get another one', async () => {
  let starts = 0;
  const mortal = changed(({ process }) => {
    starts++;
    const state: { ended: string | undefined } = { ended: undefined };
    const terminate = () => {
      state.ended = 'killed';
    };
    return {
      process: process && {
        ...process,
        terminate,
        get ended() {
          return state.ended;
        },
      },
    };
  });
  const cases = [
    oneCase('before', passes),
    oneCase('kills', (bench) => {
      bench.process().terminate();
    }),
    oneCase('after', passes),
  ];
  expect(await resultsOf(cases, mortal)).toEqual([
    ['before', 'pass', ''],
    ['kills', 'fail', 'the endpoint picker died: killed'],
    ['after', 'pass', ''],
  ]);
  expect(starts).toBe(2);
});

test('a case that ends the endpoint picker has one of its own', async () => {
  const seen: unknown[] = [];
  const look = (bench: Bench) => void seen.push(bench.fleet);
  await resultsOf([
    oneCase('first', look),
    oneCase('ends', look, { endsSubject: true }),
    oneCase('second', look),
  ]);
  const [first, second, ends] = seen;
  expect(second).toBe(first);
  expect(ends).not.toBe(first);
});

test('what is not known about an endpoint picker leaves cases unjudged', async () => {
  const alone = changed(({ fleet }) => ({
    health: undefined,
    metricsUrl: undefined,
    process: undefined,
    fleet: { ...fleet, engines: undefined, source: undefined },
  }));
  const cases = [
    oneCase('health', (bench) => void bench.health()),
    oneCase('metrics', (bench) => bench.metrics().then(() => undefined)),
    oneCase('process', (bench) => void bench.process()),
    oneCase('engines', (bench) => bench.setLoads([])),
    oneCase('source', (bench) => void bench.source()),
  ];
  expect(await resultsOf(cases, alone)).toEqual([
    ['health', 'skipped', 'the health port is not known'],
    ['metrics', 'skipped', 'the metrics port is not known'],
    ['process', 'skipped', 'the kit has not started the endpoint picker'],
    ['engines', 'skipped', 'the endpoints are not the kit’s own'],
    ['source', 'skipped', 'endpoints cannot be changed'],
  ]);
});

test('load and endpoints that a case changed are put right behind it', async () => {
  const cases = [
    oneCase('changes', async (bench) => {
      await bench.setLoads([{ waiting: 5 }]);
      await bench.source().publish([]);
    }),
    oneCase('looks', async (bench) => {
      if (bench.engines()[0]?.load.waiting !== 0) throw new Difference('it is still loaded');
      const { routing } = await bench.exchange({ path: '/v1/models' });
      if (routing === undefined) throw new Difference('there are no endpoints');
    }),
  ];
  expect(await resultsOf(cases)).toEqual([
    ['changes', 'pass', ''],
    ['looks', 'pass', ''],
  ]);
});

test('a run that is ended stops at once, and everything it started', async () => {
  const ending = new AbortController();
  let subject: RunningSubject | undefined;
  const watched = changed((running) => {
    subject = running;
    return {};
  });
  const judging = judge(watched, {
    clock,
    signal: ending.signal,
    cases: [
      oneCase('waits', () => {
        ending.abort();
        return new Promise(() => undefined);
      }),
    ],
  });
  await expect(judging).rejects.toBeInstanceOf(AbortedError);
  await expect(fetch(subject?.metricsUrl ?? '')).rejects.toThrow('fetch failed');
});
