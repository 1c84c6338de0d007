import { expect, test } from 'vitest';
import { createReadiness } from './readiness.ts';

const services = [
  '',
  'readiness',
  'inference-extension',
  'envoy.service.ext_proc.v3.ExternalProcessor',
  'anything',
];

test('every service serves until the drain, then only liveness does', () => {
  const readiness = createReadiness();
  const statuses = () => [...services, 'liveness'].map((name) => readiness.status(name));
  expect(new Set(statuses())).toEqual(new Set(['serving']));
  expect(readiness.notReady).toBeUndefined();
  readiness.drain();
  expect(statuses()).toEqual([...services.map(() => 'not-serving'), 'serving']);
  expect(readiness.notReady).toContain('shutting down');
});

test('watchers hear of the drain until they stop listening', () => {
  const readiness = createReadiness();
  const heard: string[] = [];
  readiness.subscribe(() => heard.push('a'));
  readiness.subscribe(() => heard.push('b'))();
  readiness.drain();
  expect(heard).toEqual(['a']);
});

test('nobody is ready before the gate is open', () => {
  let why: string | undefined = 'the pool is not there';
  let changed: () => void = () => undefined;
  const readiness = createReadiness({
    electsLeader: false,
    get notReady() {
      return why;
    },
    onChange: (watcher) => {
      changed = watcher;
      return () => undefined;
    },
  });
  let heard = 0;
  readiness.subscribe(() => heard++);
  expect(new Set(services.map((name) => readiness.status(name)))).toEqual(new Set(['not-serving']));
  expect(readiness.status('liveness')).toBe('serving');
  expect(readiness.notReady).toBe('the pool is not there');
  why = undefined;
  changed();
  expect(heard).toBe(1);
  expect(new Set(services.map((name) => readiness.status(name)))).toEqual(new Set(['serving']));
  readiness.drain();
  expect(readiness.notReady).toContain('shutting down');
});

test('where replicas compete, names that nobody knows then are not answered', () => {
  const gate = { electsLeader: true, notReady: undefined, onChange: () => () => undefined };
  const readiness = createReadiness(gate);
  const statuses = [...services, 'liveness'].map((name) => [name, readiness.status(name)]);
  expect(Object.fromEntries(statuses)).toEqual({
    '': 'serving',
    readiness: 'serving',
    'inference-extension': undefined,
    'envoy.service.ext_proc.v3.ExternalProcessor': 'serving',
    anything: undefined,
    liveness: 'serving',
  });
});
