import { expect, test } from 'vitest';
import { createScheduler } from '../../../scheduler.ts';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { roundRobinPicker } from '../../pickers/round-robin-picker/round-robin-picker.ts';
import { singleProfileHandler } from './single-profile-handler.ts';

test('the single-profile handler runs its profile once and takes its choice', () => {
  const { profileHandler: handler } = makePlugin(singleProfileHandler);
  const { picker } = makePlugin(roundRobinPicker);
  if (handler === undefined || picker === undefined)
    throw new Error('both must be what they are called');
  const scheduler = createScheduler({
    profiles: [
      { name: 'only', filters: [], scorers: [], picker: { name: 'picker', plugin: picker } },
    ],
    handler,
  });
  const endpoints = [makeEndpoint('a'), makeEndpoint('b')];
  const destinations = [1, 2].map(() => scheduler.schedule(makeCycle(), endpoints));
  // A second run of the profile would have moved the rotation on.
  expect(destinations).toMatchObject([
    { kind: 'scheduled', primary: 'only', endpoints: [{ name: 'a' }] },
    { kind: 'scheduled', primary: 'only', endpoints: [{ name: 'b' }] },
  ]);
});
