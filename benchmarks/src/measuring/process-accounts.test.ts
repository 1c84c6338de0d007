import { expect, test } from 'vitest';
import { busyMsOfMachine, cpuMsOfStat, residentMbOfStatus } from './process-accounts.ts';

test('user and system time are found behind a name with spaces and brackets', () => {
  const stat = '4711 (node (x) y) S 1 4711 4711 0 -1 4194304 100 0 0 0 250 75 0 0 20 0 11 0 88';
  expect(cpuMsOfStat(stat)).toBe(3250);
});

test('time spent idle or waiting for a disk is not busy', () => {
  const stat = 'cpu  10 1 20 5000 300 2 3 4 0 0\ncpu0 5 0 10 2500 150 1 1 2 0 0\n';
  expect(busyMsOfMachine(stat)).toBe(400);
});

test('resident memory is told in millions of bytes', () => {
  expect(residentMbOfStatus('VmHWM:\t  200 kB\nVmRSS:\t  100000 kB\nRssAnon:\t 1 kB\n')).toBe(
    102.4,
  );
});
