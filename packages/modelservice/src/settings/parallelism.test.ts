import fc from 'fast-check';
import { expect, test } from 'vitest';
import { settleParallelism, type ParallelismRequest } from './parallelism.ts';

const of = (request: ParallelismRequest) => {
  const settled = settleParallelism(request);
  if ('message' in settled) return settled.message;
  const { data, dataLocal, workers, acceleratorsPerPod } = settled.parallelism;
  return [data, dataLocal, workers, acceleratorsPerPod];
};

test.each<[ParallelismRequest, unknown]>([
  [{}, [1, 1, 1, 1]],
  [{ tensor: 0 }, [1, 1, 1, 1]],
  [{ tensor: 4 }, [1, 1, 1, 4]],
  [{ tensor: 2, pipeline: 2 }, [1, 1, 1, 4]],
  [{ data: 4 }, [4, 4, 1, 4]],
  [{ dataLocal: 4 }, [4, 4, 1, 4]],
  [{ dataLocal: 8, workers: 2 }, [16, 8, 2, 8]],
  [{ data: 16, dataLocal: 8 }, [16, 8, 2, 8]],
  [{ data: 16, workers: 2, tensor: 2 }, [16, 8, 2, 16]],
  [{ data: 16, dataLocal: 8, workers: 2 }, [16, 8, 2, 8]],
  [{ data: 8, dataLocal: 3 }, 'dataLocal (3) must divide data (8)'],
  [{ data: 8, workers: 3 }, 'workers (3) must divide data (8)'],
  [{ workers: 2 }, 'workers (2) must divide data (1)'],
  [{ data: 16, dataLocal: 8, workers: 4 }, 'data (16) must be dataLocal (8) x workers (4)'],
  [{ dataLocal: 9, workers: 2 }, 'a pool has at most 8 ports, and dataLocal is 9'],
])('%j', (request, expected) => {
  expect(of(request)).toEqual(expected);
});

test.each<[ParallelismRequest, boolean]>([
  [{ dataLocal: 4 }, false],
  [{ dataLocal: 4, rankPorts: true }, true],
  [{ dataLocal: 1, rankPorts: true }, false],
  [{ dataLocal: 4, workers: 2 }, true],
  [{ dataLocal: 4, workers: 2, rankPorts: false }, false],
])('%j has a port for every rank: %s', (request, expected) => {
  const settled = settleParallelism(request);
  expect('parallelism' in settled && settled.parallelism.rankPorts).toBe(expected);
});

test('what is settled always multiplies', () => {
  const degree = fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined });
  fc.assert(
    fc.property(degree, degree, degree, (data, dataLocal, workers) => {
      const request = Object.fromEntries(
        Object.entries({ data, dataLocal, workers }).filter(([, value]) => value !== undefined),
      );
      const settled = settleParallelism(request);
      if ('message' in settled) return;
      const p = settled.parallelism;
      expect(p.dataLocal * p.workers).toBe(p.data);
      expect(p).toMatchObject(request);
    }),
  );
});
