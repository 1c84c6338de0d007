import { expect, test } from 'vitest';
import { createBodyIntake } from './body-intake.ts';

const pushAll = (intake: ReturnType<typeof createBodyIntake>, ...texts: string[]) => {
  for (const text of texts) intake.push(Buffer.from(text));
  return intake;
};

test('a body that nobody reads is collected as it comes', () => {
  const intake = pushAll(createBodyIntake({ api: undefined, maxBytes: 10 }), 'no', ' JSON');
  expect(intake.end()).toEqual({ ok: true, request: undefined });
  expect(Buffer.concat(intake.chunks).toString()).toBe('no JSON');
});

test('a body of an API is read', () => {
  const intake = pushAll(
    createBodyIntake({ api: 'completions', maxBytes: 100 }),
    '{"model":"m","pro',
    'mpt":"Hi"}',
  );
  expect(intake.end()).toMatchObject({ ok: true, request: { model: 'm' } });
});

test.each([undefined, 'completions' as const])(
  'a body that is too large is known before it ends (%s)',
  (api) => {
    const intake = pushAll(createBodyIntake({ api, maxBytes: 4 }), '{"a":', '1}');
    expect(intake.error?.status).toBe(413);
    expect(intake.end()).toMatchObject({ ok: false, error: { code: 'body_too_large' } });
  },
);
