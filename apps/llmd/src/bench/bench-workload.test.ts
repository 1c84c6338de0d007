import type { WorkloadRequest } from '@llm-d/workload';
import { describe, expect, test } from 'vitest';
import { createBenchWorkload, WORKLOAD_NAMES, type WorkloadSpec } from './bench-workload.ts';

const mooncake = [
  '{"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]}',
  '{"timestamp": 1000, "input_length": 2000, "output_length": 5, "hash_ids": [0, 2, 3, 4]}',
  '{"timestamp": 4000, "input_length": 512, "output_length": 5, "hash_ids": [0]}',
].join('\n');
const azure = [
  'TIMESTAMP,ContextTokens,GeneratedTokens',
  '2023-11-16 18:15:46.68,374,44',
  '2023-11-16 18:15:50.68,396,109',
].join('\n');

const spec = (fields: Partial<WorkloadSpec>): WorkloadSpec => ({
  name: 'random',
  seed: 1,
  fromMs: 0,
  durationMs: 5000,
  speed: 1,
  ratePerSecond: 2,
  parameters: {},
  ...fields,
});
const traceOf = (name: string) => {
  if (name === 'mooncake') return { trace: { file: 'm.jsonl', text: mooncake } };
  return name === 'azure' ? { trace: { file: 'a.csv', text: azure } } : {};
};
/** Requests of a workload of which none depends on an answer. */
const requests = (fields: Partial<WorkloadSpec>): WorkloadRequest[] => {
  const run = createBenchWorkload(spec(fields)).workload.start();
  const taken: WorkloadRequest[] = [];
  while (run.nextAtMs() !== undefined) taken.push(run.take());
  return taken;
};

describe('workloads of the command line', () => {
  test.each(WORKLOAD_NAMES)('%s sends requests and says its name', (name) => {
    const { workload } = createBenchWorkload(spec({ name, ...traceOf(name) }));
    expect(workload.description.name).toBe(name);
    expect(workload.start().nextAtMs()).toBeGreaterThanOrEqual(0);
  });

  test('a slice of a trace is replayed at its speed', () => {
    const input = { name: 'mooncake', ...traceOf('mooncake'), fromMs: 1000, speed: 2 } as const;
    expect(requests(input).map(({ intendedAtMs }) => intendedAtMs)).toEqual([0, 1500]);
    expect(createBenchWorkload(spec(input)).expectedMs).toBe(2500);
  });

  test('prompts beyond a window are left out, and the report says how many', () => {
    const input = {
      name: 'mooncake',
      ...traceOf('mooncake'),
      parameters: { 'max-input-tokens': 1000 },
    } as const;
    expect(requests(input).map(({ inputTokens }) => inputTokens)).toEqual([600, 512]);
    expect(createBenchWorkload(spec(input)).notes.at(-1)).toContain('33.3 %');
  });

  test('parameters reach the workload', () => {
    const [first] = requests({
      name: 'shared-prefix',
      parameters: { groups: 1, 'system-tokens': 30, 'question-tokens': 7, 'output-tokens': 9 },
    });
    expect(first).toMatchObject({ inputTokens: 37, maxTokens: 9, sessionId: 'group-0' });
    const groups = spec({ name: 'prefix-groups', parameters: { 'pause-ms': 7, turns: 2 } });
    expect(createBenchWorkload(groups).workload.description.parameters).toMatchObject({
      pauseMs: 7,
      turns: 2,
    });
    const { workload } = createBenchWorkload(
      spec({ name: 'multi-round-qa', parameters: { 'session-stacking': 0, users: 3 } }),
    );
    expect(workload.description.parameters).toMatchObject({ sessionStacking: false, users: 3 });
  });

  test.each<[Partial<WorkloadSpec>, string]>([
    [{ name: 'random', parameters: { groups: 3 } }, 'random has no parameter "groups"'],
    [{ name: 'mooncake' }, 'mooncake needs a trace file'],
    [{ name: 'mooncake', ...traceOf('mooncake'), fromMs: 9000 }, 'm.jsonl has no request from 9 s'],
    [{ name: 'azure', trace: { file: 'a.csv', text: 'x' } }, 'a.csv:1'],
  ])('what cannot be is refused with its reason: %j', (fields, message) => {
    expect(() => createBenchWorkload(spec(fields))).toThrow(message);
  });
});
