import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { describe, expect, test } from 'vitest';
import { requestRunning } from '../metric-definitions/request-series.ts';
import { explainRecord } from '../picker/record-explanation.ts';
import { memoryFiles, pass } from './files.testing.ts';
import { startReloading } from './reloading.testing.ts';

const weighted = (prefix: number, probe: number, flavour = 'prefers-b'): string => `
plugins:
- type: prefix-cache-scorer
- { type: probe, parameters: { flavour: ${flavour} } }
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: prefix-cache-scorer, weight: ${prefix} }
  - { pluginRef: probe, weight: ${probe} }
`;
const named = (...probes: readonly string[]): string => `
plugins:
${probes.map((probe) => `- { type: probe, name: ${probe} }\n`).join('')}`;
const end = { termination: 'natural' } as const;
const prompt = {
  prompt: { kind: 'text', bytes: Buffer.from('The same long story again and again. '.repeat(40)) },
} as const;

describe('a changed configuration', () => {
  test('decides about the next request, and the records say which one decided', async () => {
    const { running, reload, picked } = await startReloading(weighted(1, 0));
    const before = await picked({ id: 'before' });
    before.exchange.end(end);
    expect(await reload(weighted(0, 1))).toMatchObject({ kind: 'applied', generation: 2 });
    const after = await picked({ id: 'after' });
    expect(after.endpoints[0].name).toBe('b');
    after.exchange.end(end);
    const { decisions } = running.picker;
    const generations = decisions.recent(9).map((record) => explainRecord(record).generation);
    expect([generations, running.generation]).toEqual([[2, 1], 2]);
    await running.close();
  });

  test('keeps what plugins remember whose settings are the same', async () => {
    const { running, reload, picked, made } = await startReloading(weighted(1, 0));
    const first = await picked(prompt);
    first.exchange.end(end);
    await reload(weighted(3, 0));
    for (let i = 0; i < 4; i++) {
      const next = await picked(prompt);
      expect(next.endpoints[0].name).toBe(first.endpoints[0].name);
      next.exchange.end(end);
    }
    expect(made).toHaveLength(1);
    await running.close();
    expect(made).toMatchObject([{ closed: 1, open: 0 }]);
  });

  test('that runs the same changes nothing', async () => {
    const { running, reload, fleet } = await startReloading(weighted(1, 0));
    const { listenings } = fleet;
    expect(await reload(`# says the same\n${weighted(1, 0)}`)).toEqual({ kind: 'unchanged' });
    expect([running.generation, fleet.listenings]).toEqual([1, listenings]);
    await running.close();
  });

  test('says what is different, and what begins anew for the sake of something else', async () => {
    const refers = (flavour: string) => `
plugins:
- { type: probe, name: base, parameters: { flavour: ${flavour} } }
- { type: probe, name: above, parameters: { refersTo: [base] } }
- { type: probe, name: beside }
`;
    const { running, reload, made } = await startReloading(refers('x'));
    const outcome = await reload(refers('y'));
    expect(outcome).toMatchObject({ kind: 'applied', recreated: ['above'] });
    expect(made.map(({ name, closed }) => `${name} ${closed}`)).toEqual([
      'base 1',
      'above 1',
      'beside 0',
      'base 0',
      'above 0',
    ]);
    await running.close();
    expect(made.every(({ closed }) => closed === 1)).toBe(true);
  });

  test('leaves requests where they are, and closes what it replaced after the last of them', async () => {
    const { running, reload, picked, made, metrics } = await startReloading(weighted(1, 0, 'x'));
    const [one, two] = [await picked(), await picked()];
    await reload(weighted(1, 0, 'y'));
    const three = await picked();
    expect(running.retiring).toEqual([{ generation: 1, inFlight: 2 }]);
    expect(made).toMatchObject([
      { flavour: 'x', open: 2, closed: 0 },
      { flavour: 'y', open: 1, closed: 0 },
    ]);
    one.exchange.end(end);
    three.exchange.end(end);
    expect(made).toMatchObject([{ closed: 0 }, { open: 0, closed: 0 }]);
    two.exchange.end(end);
    expect(running.retiring).toEqual([]);
    expect(made).toMatchObject([
      { open: 0, closed: 1 },
      { open: 0, closed: 0 },
    ]);
    await running.close();
    const labels = { model_name: 'm', target_model_name: 'm', fairness_id: 'default-flow' };
    expect(metrics.value(requestRunning, { ...labels, priority: '0' })).toBe(0);
  });

  test('ends what it replaced after a while though an answer goes on, which is not disturbed', async () => {
    const options = { retirementLimitMs: 5000 };
    const { running, reload, picked, made, clock, logger } = await startReloading(
      weighted(1, 0, 'x'),
      options,
    );
    const long = await picked();
    await reload(weighted(1, 0, 'y'));
    await pass(clock, 4900, 100);
    expect(made[0]).toMatchObject({ closed: 0 });
    await pass(clock, 200);
    expect(made[0]).toMatchObject({ closed: 1 });
    expect(logger.lines.at(-1)).toMatchObject({
      level: 'warn',
      fields: { generation: 1, inFlight: 1 },
    });
    expect(long.exchange.responseHeaders(200, new Map())).toEqual(new Map());
    long.exchange.end(end);
    expect(made).toMatchObject([
      { open: 0, closed: 1 },
      { open: 0, closed: 0 },
    ]);
    await running.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test('tells every instance of the fleet once, however often it is kept', async () => {
    const { running, reload, made, fleet, picked } = await startReloading(named('kept', 'gone'));
    const open = await picked();
    await reload(named('kept', 'come'));
    await reload(named('kept', 'come', 'more'));
    fleet.reconcile([makeEndpoint('b'), makeEndpoint('c')].map((endpoint) => ({ ...endpoint })));
    const known = () => made.map(({ name, endpoints }) => `${name}: ${endpoints.join()}`);
    expect(known()).toEqual(['kept: b,c', 'gone: b,c', 'come: b,c', 'more: b,c']);
    open.exchange.end(end);
    fleet.reconcile([]);
    expect(known()).toEqual(['kept: ', 'gone: b,c', 'come: ', 'more: ']);
    await running.close();
    expect(fleet.listeners).toBe(0);
  });

  test('may come while the last one still serves: each instance goes with its last configuration', async () => {
    const { running, reload, made, picked } = await startReloading(named('a', 'b'));
    const first = await picked();
    await reload(named('b', 'c'));
    const second = await picked();
    await reload(named('c', 'd'));
    const closed = () => made.filter((probe) => probe.closed > 0).map(({ name }) => name);
    expect(running.retiring).toEqual([
      { generation: 1, inFlight: 1 },
      { generation: 2, inFlight: 1 },
    ]);
    second.exchange.end(end);
    expect(closed()).toEqual([]);
    first.exchange.end(end);
    expect(closed()).toEqual(['a', 'b']);
    await running.close();
    expect(made.map((probe) => probe.closed)).toEqual([1, 1, 1, 1]);
  });

  test('waits for the one before it', async () => {
    const { running, reload } = await startReloading(named('a'));
    const outcomes = await Promise.all([
      reload(named('b')),
      reload(named('b')),
      reload(named('a')),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['applied', 'unchanged', 'applied']);
    expect(running.generation).toBe(3);
    await running.close();
  });
});

describe('a configuration that cannot run leaves the old one in force:', () => {
  const before = `
plugins:
- { type: probe }
- { type: file-discovery, parameters: { path: fleet.yaml, watchFile: true } }
dataLayer: { discovery: { pluginRef: file-discovery } }
`;
  const listing = 'endpoints: [{ name: a, address: 127.0.0.1, port: 9000 }]';
  const startWithFile = async () => {
    const files = memoryFiles({ 'fleet.yaml': listing });
    return { ...(await startReloading(before, { files })), files };
  };

  test.each([
    [
      'a plugin that cannot be created',
      before.replace('type: probe }', 'type: probe, parameters: { flavour: broken } }'),
      /plugin probe: it could not be created: it is broken/,
    ],
    [
      'an endpoints file that is not there',
      before.replace('fleet.yaml', 'other.yaml'),
      /other\.yaml: cannot be read: ENOENT/,
    ],
    [
      'an engine nobody knows',
      before.replace(
        'plugins:',
        'plugins:\n- { type: core-metrics-extractor, parameters: { defaultEngine: nobody } }',
      ),
      /nobody/,
    ],
  ])('%s is invalid', async (_, text, message) => {
    const { running, reload, made, clock, fleet, files } = await startWithFile();
    const [timers, { listeners }] = [clock.pendingTimers, fleet];
    const outcome = await reload(text);
    expect(outcome).toMatchObject({
      kind: 'invalid',
      problems: [{ path: '', message: expect.stringMatching(message) as string }],
    });
    expect([running.generation, clock.pendingTimers, fleet.listeners]).toEqual([
      1,
      timers,
      listeners,
    ]);
    expect(files.watched).toEqual(['fleet.yaml']);
    expect(made.filter(({ closed }) => closed === 0)).toHaveLength(1);
    await running.close();
    expect([files.watched, clock.pendingTimers]).toEqual([[], 0]);
  });

  test.each([
    [
      'another kind of discovery',
      named('probe'),
      'dataLayer.discovery changes from file-discovery to none, which needs a restart',
    ],
    [
      'a gate that is looked at only at the start',
      `featureGates: [haPopulateNonLeaderDatastore=false]\n${before}`,
      'the feature gate haPopulateNonLeaderDatastore changes from true to false, which needs a restart',
    ],
  ])('%s is refused', async (_, text, reason) => {
    const { running, reload } = await startWithFile();
    expect(await reload(text)).toEqual({ kind: 'refused', reason });
    expect(running.generation).toBe(1);
    await running.close();
  });

  test('one that comes while everything is closed is refused, and nothing of it stays', async () => {
    const { running, reload, made, clock, fleet } = await startReloading(named('a'));
    const reloading = reload(named('b'));
    const closing = running.close();
    expect(await reloading).toMatchObject({ kind: 'refused', reason: /shutting down/ });
    await closing;
    expect(await reload(named('c'))).toMatchObject({ kind: 'refused' });
    expect(made.every(({ closed }) => closed === 1)).toBe(true);
    expect([fleet.listeners, clock.pendingTimers]).toEqual([0, 0]);
  });
});

describe('the data layer', () => {
  const scraping = (parameters: string, more = ''): string => `
plugins:
- { type: probe }
- { type: metrics-data-source, parameters: { ${parameters} } }${more}
`;

  test('goes on where its settings are the same', async () => {
    const { running, reload, fleet, clock } = await startReloading(scraping(''));
    const [timers, { listenings }] = [clock.pendingTimers, fleet];
    await reload(scraping('', '\n- { type: queue-scorer }'));
    expect([running.generation, clock.pendingTimers, fleet.listenings]).toEqual([
      2,
      timers,
      listenings,
    ]);
    await running.close();
  });

  test('scrapes otherwise where they are others, and once', async () => {
    let scrapes = 0;
    const metricsTransport = {
      get: () => {
        scrapes++;
        return Promise.resolve(Buffer.from('vllm:num_requests_waiting 0\n'));
      },
      forget: () => undefined,
      close: () => Promise.resolve(),
    };
    const { running, reload, clock, settle } = await startReloading(scraping('interval: 100ms'), {
      metricsTransport,
    });
    const scrapesIn = async (ms: number) => {
      const before = scrapes;
      await pass(clock, ms, 50);
      return scrapes - before;
    };
    await scrapesIn(1000);
    const often = await scrapesIn(10_000);
    await reload(scraping('interval: 1s'));
    await scrapesIn(2000);
    expect(await scrapesIn(10_000)).toBeLessThan(often / 4);
    await reload(`${scraping('interval: 1s')}dataLayer: { injectDefaults: false }\n`);
    expect(await scrapesIn(5000)).toBe(0);
    await settle();
    await running.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test('takes the fleet from another file, and follows that one', async () => {
    const listing = (name: string) =>
      `endpoints: [{ name: ${name}, address: 127.0.0.1, port: 9000 }]`;
    const files = memoryFiles({ one: listing('x'), two: listing('y') });
    const from = (path: string) => `
plugins:
- { type: probe }
- { type: file-discovery, parameters: { path: ${path}, watchFile: true } }
dataLayer: { discovery: { pluginRef: file-discovery } }
`;
    const { running, reload, fleet, clock } = await startReloading(from('one'), { files });
    const names = () => fleet.snapshot().map(({ name }) => name);
    expect(names()).toEqual(['x']);
    await reload(from('two'));
    expect([names(), files.watched]).toEqual([['y'], ['two']]);
    files.write('one', listing('old'));
    files.write('two', listing('z'));
    await pass(clock, 200);
    expect(names()).toEqual(['z']);
    await running.close();
    expect(files.watched).toEqual([]);
  });
});
